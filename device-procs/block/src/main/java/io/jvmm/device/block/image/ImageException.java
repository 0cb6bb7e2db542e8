package io.jvmm.device.block.image;

/**
 * An image cannot be opened: it is damaged, asks for something unknown, or does not fit its configuration. The message is one
 * line for the user: which file, what is wrong, what to do. Only at opening; never once the machine runs.
 */
public final class ImageException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public ImageException(String message) {
        super(message);
    }

    public ImageException(String message, Throwable cause) {
        super(message, cause);
    }
}
