package io.jvmm.device.api;

/** A script line that cannot be run; the message says why and what would be right. */
final class ScriptException extends Exception {
    private static final long serialVersionUID = 1L;

    private final boolean expectation;

    private ScriptException(String message, boolean expectation) {
        super(message);
        this.expectation = expectation;
    }

    /** The line is not understood. */
    static ScriptException wrong(String message) {
        return new ScriptException(message, false);
    }

    /** The line is fine, the device is not what it expects. */
    static ScriptException unexpected(String message) {
        return new ScriptException(message, true);
    }

    boolean isExpectation() {
        return expectation;
    }
}
