package io.jvmm.policy.parse;

import java.io.Serial;

/** A policy that is wrong. The message is one line: where, what, and how to mend it. */
public final class PolicyException extends Exception {
    @Serial
    private static final long serialVersionUID = 1L;

    private final transient Location location;

    public PolicyException(Location location, String what, String cure) {
        super(location + ": " + what + (cure.isEmpty() ? "" : "; " + cure));
        this.location = location;
    }

    public Location location() {
        return location;
    }
}
