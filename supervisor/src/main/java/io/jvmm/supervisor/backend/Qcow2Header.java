package io.jvmm.supervisor.backend;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.supervisor.config.BlockConfig;
import io.jvmm.supervisor.config.Quoted;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * The one thing of a disk image that the supervisor parses: which other image lies behind it (QEMU, docs/interop/qcow2.txt).
 * The file is hostile: a guest may have written it, or whoever made it available. At most {@link #MOST_BYTES} of it are read,
 * and nothing is opened for what they say.
 *
 * <pre>
 *   0       4         8               16             20             72         100
 *   | magic | version | backing at    | its length   | cluster bits |   ...    | header length (v3) |
 *   behind the header: extensions, each type, length, data padded to 8 bytes
 * </pre>
 *
 * @param backing name of the image behind it, as written there; empty for none
 * @param backingFormat what that one is said to be; empty when nothing is said
 */
record Qcow2Header(Optional<String> backing, Optional<String> backingFormat) {
    /** Of an image with nothing behind it. */
    static final Qcow2Header ALONE = new Qcow2Header(Optional.empty(), Optional.empty());

    /** Extensions and the name lie in the first cluster; of a large cluster we do not look at more. */
    static final int MOST_BYTES = 64 * 1024;

    /** {@code QFI\xfb} */
    static final int MAGIC = 0x514649fb;

    private static final int VERSION = 4;
    private static final int BACKING_OFFSET = 8;
    private static final int BACKING_LENGTH = 16;
    private static final int LONGEST_NAME = 1023;
    private static final int HEADER_LENGTH = 100;
    private static final int LENGTH_V2 = 72;
    private static final int LENGTH_V3 = 104;
    private static final int EXTENSION_END = 0;
    private static final int EXTENSION_FORMAT = 0xE2792ACA;

    /**
     * Reads the header of an open image.
     *
     * @throws IllegalArgumentException with a clause that says what is wrong
     */
    static Qcow2Header read(Fd fd) {
        try (Arena arena = Arena.ofConfined()) {
            // Aligned for a descriptor that goes past the host's cache.
            MemorySegment bytes = arena.allocate(MOST_BYTES, 4096);
            long count;
            do {
                count = FileIo.tryReadAt(fd, 0, bytes, 0, MOST_BYTES);
            } while (Errno.EINTR.is(count));
            if (count < 0) {
                throw new IllegalArgumentException("cannot be read (errno " + -count + ")");
            }
            return parse(bytes.asSlice(0, count).toArray(ValueLayout.JAVA_BYTE));
        }
    }

    /** Whether the image begins as a qcow2 image does. */
    static boolean looksLikeOne(Fd fd) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(4096, 4096);
            return FileIo.tryReadAt(fd, 0, bytes, 0, 4096) >= Integer.BYTES
                    && bytes.get(ValueLayout.JAVA_INT.withOrder(ByteOrder.BIG_ENDIAN), 0) == MAGIC;
        }
    }

    static Qcow2Header parse(byte[] bytes) {
        ByteBuffer b = ByteBuffer.wrap(bytes);
        if (bytes.length < LENGTH_V2 || b.getInt(0) != MAGIC) {
            throw new IllegalArgumentException("is no qcow2 image");
        }
        int version = b.getInt(VERSION);
        if (version != 2 && version != 3) {
            throw new IllegalArgumentException("is a qcow image of version " + version + "; known are 2 and 3");
        }
        long at = b.getLong(BACKING_OFFSET);
        int length = b.getInt(BACKING_LENGTH);
        if (at == 0) {
            return ALONE;
        }
        if (at < 0 || length < 1 || length > LONGEST_NAME || at > bytes.length - length) {
            throw new IllegalArgumentException("is damaged: the name of its backing image lies outside its header");
        }
        String name = text(bytes, (int) at, length);
        int headerLength = LENGTH_V2;
        if (version == 3) {
            if (bytes.length < LENGTH_V3) {
                throw new IllegalArgumentException("is damaged: it ends in its header");
            }
            headerLength = b.getInt(HEADER_LENGTH);
        }
        return new Qcow2Header(Optional.of(name), format(b, bytes, headerLength));
    }

    /** Each turn goes on by at least 8 bytes, so the walk ends. */
    private static Optional<String> format(ByteBuffer b, byte[] bytes, int from) {
        int at = from;
        while (at >= LENGTH_V2 && at <= b.limit() - 8) {
            int type = b.getInt(at);
            int length = b.getInt(at + 4);
            if (type == EXTENSION_END || length < 0 || length > b.limit() - at - 8) {
                return Optional.empty();
            }
            if (type == EXTENSION_FORMAT) {
                return Optional.of(text(bytes, at + 8, length));
            }
            at += 8 + (length + 7 & ~7);
        }
        return Optional.empty();
    }

    private static String text(byte[] bytes, int from, int length) {
        try {
            String text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes, from, length))
                    .toString();
            if (text.chars().anyMatch(Character::isISOControl)) {
                throw new IllegalArgumentException("is damaged: there are control characters in a name of its header");
            }
            return text;
        } catch (CharacterCodingException e) {
            throw new IllegalArgumentException("is damaged: a name in its header is no text", e);
        }
    }

    /**
     * The format of the image behind.
     *
     * @throws IllegalArgumentException with a clause that says what is wrong; nothing is guessed, for a guest may have written
     *     to that image what makes it look like another kind
     */
    BlockConfig.Format knownFormat(String image) {
        return switch (backingFormat.orElse("")) {
            case "raw" -> BlockConfig.Format.RAW;
            case "qcow2" -> BlockConfig.Format.QCOW2;
            case "" ->
                throw new IllegalArgumentException("does not say what its backing image is. If it is raw:"
                        + " qemu-img rebase -u -F raw -b " + backing.orElse("") + " " + image);
            default ->
                throw new IllegalArgumentException("has a backing image of format "
                        + Quoted.of(backingFormat.orElse("")) + "; known are raw and qcow2");
        };
    }
}
