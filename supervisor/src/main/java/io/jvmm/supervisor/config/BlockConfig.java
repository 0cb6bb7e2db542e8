package io.jvmm.supervisor.config;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/**
 * A disk (virtio 1.2 §5.2).
 *
 * @param path the image: a regular file or a block device
 * @param format never guessed from the content, which a guest can write
 * @param backing the images behind a qcow2 one, in order: the header of each must name the next, and the last one's none
 * @param serial what the driver is told of it, at most 20 bytes of ASCII; may be empty
 * @param discard whether the guest may give space back
 * @param packed whether packed virtqueues are offered
 * @param blockSize logical block, in bytes
 */
public record BlockConfig(
        Placement placement,
        Path path,
        Format format,
        List<Path> backing,
        boolean readOnly,
        Cache cache,
        int queues,
        int queueSize,
        String serial,
        boolean discard,
        boolean packed,
        int blockSize)
        implements VirtioConfig {
    public static final int MOST_QUEUES = 16;

    /** Images behind one another. Each costs its process a descriptor, and every read of an unwritten place a look. */
    public static final int MOST_BACKING = 16;

    public static final int LONGEST_SERIAL = 20;

    /** What the image is. */
    public enum Format implements Word {
        RAW,
        QCOW2;

        /** By the suffix of the file's name; raw for all that is not {@code .qcow2}. */
        public static Format ofName(Path path) {
            return path.toString().endsWith(".qcow2") ? QCOW2 : RAW;
        }
    }

    /** When a write of the guest is on the medium. */
    public enum Cache implements Word {
        /** When the guest flushes; the host caches. */
        WRITEBACK,
        /** When it is acknowledged. */
        WRITETHROUGH,
        /** When the guest flushes; the host does not cache (O_DIRECT). */
        NONE,
        /** When the host likes: for what can be made again. */
        UNSAFE
    }

    public BlockConfig {
        backing = List.copyOf(backing);
        checkBacking(format, backing);
        checkSerial(serial);
        VirtioConfig.checkQueueSize(queueSize);
        if (queues < 1 || queues > MOST_QUEUES) {
            throw new IllegalArgumentException(queues + " queues: 1 to " + MOST_QUEUES + " can be had.");
        }
        checkBlockSize(blockSize);
    }

    @Override
    public String deviceClass() {
        return "block";
    }

    static void checkBacking(Format format, List<Path> backing) {
        if (format == Format.RAW && !backing.isEmpty()) {
            throw new IllegalArgumentException(
                    "a raw image lies on no other. Remove backing, or say format = \"qcow2\" if it is one.");
        }
        if (backing.size() > MOST_BACKING) {
            throw new IllegalArgumentException(backing.size() + " images: at most " + MOST_BACKING
                    + " lie behind one another. Merge some: qemu-img commit or qemu-img rebase.");
        }
    }

    static String checkSerial(String serial) {
        if (serial.getBytes(StandardCharsets.UTF_8).length > LONGEST_SERIAL
                || serial.chars().anyMatch(c -> c < ' ' || c > '~')) {
            throw new IllegalArgumentException(Quoted.of(serial) + " is no serial number: at most " + LONGEST_SERIAL
                    + " letters, digits and signs of ASCII.");
        }
        return serial;
    }

    static int checkBlockSize(int bytes) {
        if (bytes != 512 && bytes != 4096) {
            throw new IllegalArgumentException(bytes + " is no block size of a disk. Use 512 or 4096.");
        }
        return bytes;
    }
}
