package io.jvmm.device.block.image;

import io.jvmm.ipc.sys.Fd;
import org.jspecify.annotations.Nullable;

/**
 * One file of an image: the image itself, or one of its backing files.
 *
 * @param name for messages only: the path the supervisor opened
 * @param format what it holds
 * @param fd the open file; belongs to whoever opens the image from it
 * @param witness the same file, opened a second time when nothing had been written to it yet, and used by no process but for one thing: the
 *     kernel tells each of the two once of what it could not write, so this one knows what {@code fd} told a process that died of it;
 *     null where there is none. Belongs to the same
 */
public record ImageSource(
        String name, Format format, Fd fd, @Nullable Fd witness) {

    /** Without a witness. */
    public ImageSource(String name, Format format, Fd fd) {
        this(name, format, fd, null);
    }

    /** The formats there are. */
    public enum Format {
        RAW,
        QCOW2;

        /**
         * The format of a configuration's word.
         *
         * @throws IllegalArgumentException naming what is allowed
         */
        public static Format of(String word) {
            return switch (word) {
                case "raw" -> RAW;
                case "qcow2" -> QCOW2;
                default -> throw new IllegalArgumentException("format: '" + word + "'; allowed are raw, qcow2");
            };
        }
    }
}
