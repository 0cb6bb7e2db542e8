package io.jvmm.ipc.trace;

/** A trace, from a process, a file or a journal, that is none: hostile, damaged, or of another version. The message says where and what. */
public final class TraceFormatException extends Exception {
    private static final long serialVersionUID = 1;

    public TraceFormatException(String message) {
        super(message);
    }
}
