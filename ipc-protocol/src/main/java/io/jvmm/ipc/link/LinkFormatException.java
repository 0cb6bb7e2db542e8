package io.jvmm.ipc.link;

/** A descriptor that should be a link is not one we can use: the message says which field is wrong and how. */
public final class LinkFormatException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    LinkFormatException(String message) {
        super(message);
    }
}
