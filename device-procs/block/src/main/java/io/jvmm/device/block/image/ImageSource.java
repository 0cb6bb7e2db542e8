package io.jvmm.device.block.image;

import io.jvmm.ipc.sys.Fd;

/**
 * One file of an image: the image itself, or one of its backing files.
 *
 * @param name for messages only: the path the supervisor opened
 * @param format what it holds
 * @param fd the open file; belongs to whoever opens the image from it
 */
public record ImageSource(String name, Format format, Fd fd) {

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
