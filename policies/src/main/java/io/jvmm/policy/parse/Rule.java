package io.jvmm.policy.parse;

import java.util.List;
import java.util.stream.Collectors;

/**
 * One rule: what happens to a system call, under which conditions (all of them), and why.
 *
 * @param location where it was written
 * @param action what happens
 * @param syscall to which call
 * @param conditions all must hold; none means always
 * @param reason for the reviewer
 */
public record Rule(
        Location location, Action action, SyscallTable.Syscall syscall, List<Condition> conditions, String reason) {
    public Rule {
        conditions = List.copyOf(conditions);
    }

    /** Whether the rule decides about a call with these six arguments. */
    public boolean applies(long[] arguments) {
        return conditions.stream().allMatch(c -> c.passes(arguments));
    }

    /** True when every call this rule decides about is also one {@code other} would decide about. */
    boolean implies(Rule other) {
        return other.conditions.stream().allMatch(theirs -> conditions.stream().anyMatch(mine -> mine.implies(theirs)));
    }

    /** "allow mmap when prot & PROT_EXEC == 0". */
    public String text() {
        String when = conditions.isEmpty()
                ? ""
                : " when " + conditions.stream().map(Condition::text).collect(Collectors.joining(" and "));
        return action + " " + syscall.name() + when;
    }
}
