package io.jvmm.supervisor.control;

import java.util.Optional;

/** A line that is no request. */
final class ControlException extends Exception {
    private static final long serialVersionUID = 1L;

    private final String field;

    /** {@code field} is empty where the line as a whole is wrong. */
    ControlException(String field, String message) {
        super(message);
        this.field = field;
    }

    ControlReply.Failed reply() {
        return new ControlReply.Failed(
                field.isEmpty() ? Optional.empty() : Optional.of(field), String.valueOf(getMessage()));
    }
}
