package io.jvmm.ipc.boot;

import io.jvmm.ipc.sys.Fd;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Collects the datagrams of a record and validates every length and count in them. */
final class BootRecordDecoder {
    private final Map<String, Fd> fds = new LinkedHashMap<>();
    private final Map<String, byte[]> entries = new LinkedHashMap<>();
    private int datagrams;

    /**
     * Adds a datagram.
     *
     * @return whether another one follows
     * @throws BootFormatException when it is not well-formed
     */
    boolean add(byte[] bytes, List<Fd> received) {
        if (++datagrams > BootRecordLayout.MAX_DATAGRAMS) {
            throw new BootFormatException("boot record of more than " + BootRecordLayout.MAX_DATAGRAMS + " datagrams");
        }
        ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        require(in.remaining() >= BootRecordLayout.HEADER_BYTES, "its length is", in.remaining());
        int magic = in.getInt();
        require(magic == BootRecordLayout.MAGIC, "its magic is", magic);
        int version = Short.toUnsignedInt(in.getShort());
        require(version == BootRecordLayout.VERSION, "its version is", version);
        int fdCount = Short.toUnsignedInt(in.getShort());
        require(fdCount == received.size(), "it came with " + received.size() + " descriptors and names", fdCount);
        int entryCount = Short.toUnsignedInt(in.getShort());
        int flags = Short.toUnsignedInt(in.getShort());
        require((flags & ~BootRecordLayout.FLAG_MORE) == 0, "its flags are", flags);
        for (int i = 0; i < fdCount; i++) {
            String name = text(in, in.hasRemaining() ? Byte.toUnsignedInt(in.get()) : 0);
            require(fds.putIfAbsent(name, received.get(i)) == null, "a name is double, that of descriptor", i);
        }
        for (int i = 0; i < entryCount; i++) {
            String key = text(in, in.remaining() >= Short.BYTES ? Short.toUnsignedInt(in.getShort()) : 0);
            long length = in.remaining() >= Integer.BYTES ? Integer.toUnsignedLong(in.getInt()) : Long.MAX_VALUE;
            require(length <= in.remaining(), "the value of \"" + key + "\" has a length of", length);
            byte[] value = new byte[(int) length];
            in.get(value);
            require(entries.putIfAbsent(key, value) == null, "a key is double, that of entry", i);
        }
        require(!in.hasRemaining(), "bytes left over:", in.remaining());
        return (flags & BootRecordLayout.FLAG_MORE) != 0;
    }

    BootRecord record() {
        return new BootRecord(fds, entries);
    }

    private static String text(ByteBuffer in, int length) {
        require(length > 0 && length <= Math.min(in.remaining(), BootRecordLayout.MAX_KEY_BYTES), "a name has", length);
        ByteBuffer encoded = in.slice(in.position(), length);
        in.position(in.position() + length);
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(encoded).toString();
        } catch (CharacterCodingException e) {
            throw new BootFormatException("boot record: a name is no UTF-8", e);
        }
    }

    private static void require(boolean holds, String what, long found) {
        if (!holds) {
            throw new BootFormatException("boot record: " + what + " " + found);
        }
    }
}
