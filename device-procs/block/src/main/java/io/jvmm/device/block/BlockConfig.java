package io.jvmm.device.block;

import io.jvmm.device.api.DeviceConfig;
import io.jvmm.device.block.image.ImageSource;
import io.jvmm.device.virtio.RingOptions;
import java.util.Collections;
import java.util.List;

/**
 * The entries of one disk; the supervisor has checked them, this does it again.
 *
 * @param name for messages: the path of the image
 * @param format of the image
 * @param readOnly the guest may not write
 * @param cache when a write is safe
 * @param queues number of request queues, 1..{@link #MOST_QUEUES}
 * @param rings size of the queues, at least 4, and whether packed ones are offered
 * @param serial what GET_ID answers, at most 20 bytes of ASCII
 * @param discard whether the guest may give space back
 * @param blockBytes logical block size: 512 or 4096
 * @param ioThreads threads of the process for what has to wait; the largest number of its disks counts
 */
record BlockConfig(
        String name,
        ImageSource.Format format,
        boolean readOnly,
        Cache cache,
        int queues,
        RingOptions rings,
        String serial,
        boolean discard,
        int blockBytes,
        int ioThreads) {

    static final int MOST_QUEUES = 16;
    static final int MOST_IO_THREADS = 16;
    static final int SERIAL_LENGTH_BYTES = 20;

    /** Two for the status byte and the header: fewer would leave no room for data. */
    private static final int SMALLEST_QUEUE = 4;

    private static final int USUAL_QUEUE_SIZE = 128;

    /** When a write counts as done. */
    enum Cache {
        /** In the host's page cache (or, with O_DIRECT, in the medium's); a flush makes it safe. The driver may ask for more. */
        WRITEBACK,
        /** On the medium. The driver may ask for less. */
        WRITETHROUGH,
        /** In the host's page cache, and a flush does nothing: for what can be made again. */
        UNSAFE;

        private static Cache of(String word) {
            return switch (word) {
                case "writeback" -> WRITEBACK;
                case "writethrough" -> WRITETHROUGH;
                case "unsafe" -> UNSAFE;
                default ->
                    throw new IllegalArgumentException(
                            "cache: '" + word + "'; allowed are writeback, writethrough, unsafe");
            };
        }
    }

    BlockConfig {
        if (queues < 1 || queues > MOST_QUEUES) {
            throw new IllegalArgumentException("queues: " + queues + "; allowed are 1.." + MOST_QUEUES);
        }
        if (rings.queueSize() < SMALLEST_QUEUE) {
            throw new IllegalArgumentException(
                    "queue-size: " + rings.queueSize() + "; a disk needs at least " + SMALLEST_QUEUE);
        }
        if (serial.length() > SERIAL_LENGTH_BYTES || !serial.chars().allMatch(c -> c >= ' ' && c < 127)) {
            throw new IllegalArgumentException(
                    "serial: '" + serial + "'; at most " + SERIAL_LENGTH_BYTES + " printable ASCII characters");
        }
        if (blockBytes != 512 && blockBytes != 4096) {
            throw new IllegalArgumentException("block-size: " + blockBytes + "; allowed are 512, 4096");
        }
        if (ioThreads < 1 || ioThreads > MOST_IO_THREADS) {
            throw new IllegalArgumentException("io-threads: " + ioThreads + "; allowed are 1.." + MOST_IO_THREADS);
        }
    }

    static BlockConfig of(DeviceConfig entries) {
        return new BlockConfig(
                entries.text("path", "disk"),
                ImageSource.Format.of(entries.text("format", "raw")),
                RingOptions.flag(entries, "read-only", false),
                Cache.of(entries.text("cache", "writeback")),
                entries.integer("queues", 1),
                RingOptions.from(entries, USUAL_QUEUE_SIZE),
                entries.text("serial", ""),
                RingOptions.flag(entries, "discard", true),
                entries.integer("block-size", 512),
                entries.integer("io-threads", 4));
    }

    int queueSize() {
        return rings.queueSize();
    }

    /** The sizes of the queues. */
    List<Integer> queueSizes() {
        return Collections.nCopies(queues, rings.queueSize());
    }
}
