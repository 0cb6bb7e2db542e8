package io.jvmm.policy.parse;

/**
 * A test of one argument.
 *
 * @param argument which one
 * @param test what is asked of it
 * @param text as the policy wrote it, constants by name
 */
public record Condition(SyscallTable.Argument argument, ArgumentTest test, String text) {
    /** Whether a call with these six arguments passes. */
    public boolean passes(long[] arguments) {
        return test.passes(arguments[argument.index()] & argument.mask());
    }

    boolean implies(Condition other) {
        return argument.equals(other.argument) && test.implies(other.test);
    }
}
