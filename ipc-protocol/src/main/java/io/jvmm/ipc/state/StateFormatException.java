package io.jvmm.ipc.state;

/** A state segment cannot be adopted: the message says which field is wrong and how. */
public final class StateFormatException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    StateFormatException(String message) {
        super(message);
    }
}
