package io.jvmm.fuzz.sandbox;

/**
 * A device process did what it must never do, whoever does what to it. The message is the same for the same finding; {@link #details} are of this one.
 */
final class SandboxFinding extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final String details;

    SandboxFinding(String what) {
        this(what, "");
    }

    SandboxFinding(String what, String details) {
        super(what);
        this.details = details;
    }

    /** What it said last, and what was done to it; lines. */
    String details() {
        return details;
    }
}
