package io.jvmm.fuzz.machine;

/** An oracle says no: the code under test did what it must never do. Ends the case. */
public final class FindingException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** @param rule what holds, and what was seen instead; one line */
    public FindingException(String rule) {
        super(rule);
    }

    public FindingException(String rule, Throwable cause) {
        super(rule, cause);
    }
}
