package io.jvmm.policy.parse;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Refuses rules that change nothing: a reviewer must be able to take every line as meant. */
final class Redundancy {
    private Redundancy() {}

    static void check(List<Rule> rules, Action defaultAction) throws PolicyException {
        Map<Integer, List<Rule>> byCall = new TreeMap<>();
        for (Rule rule : rules) {
            byCall.computeIfAbsent(rule.syscall().number(), n -> new ArrayList<>())
                    .add(rule);
        }
        for (List<Rule> group : byCall.values()) {
            unreachable(group);
            swallowed(group);
            sameAsDefault(group, defaultAction);
        }
    }

    private static void unreachable(List<Rule> group) throws PolicyException {
        for (int i = 0; i < group.size(); i++) {
            for (Rule earlier : group.subList(0, i)) {
                if (group.get(i).implies(earlier)) {
                    throw new PolicyException(
                            group.get(i).location(),
                            "this rule for " + group.get(i).syscall().name() + " can never apply",
                            "remove it, or the rule at " + earlier.location() + " that decides first");
                }
            }
        }
    }

    /** A rule that a later, wider one with the same action makes needless. */
    private static void swallowed(List<Rule> group) throws PolicyException {
        for (int i = 0; i < group.size(); i++) {
            Rule rule = group.get(i);
            for (Rule later : group.subList(i + 1, group.size())) {
                if (!later.action().equals(rule.action())) {
                    break;
                }
                if (rule.implies(later)) {
                    throw new PolicyException(
                            rule.location(),
                            "this rule for " + rule.syscall().name() + " says nothing new",
                            "remove it, or the wider rule at " + later.location());
                }
            }
        }
    }

    private static void sameAsDefault(List<Rule> group, Action defaultAction) throws PolicyException {
        Rule last = group.getLast();
        if (last.action().equals(defaultAction)) {
            throw new PolicyException(
                    last.location(),
                    "this rule for " + last.syscall().name() + " says what the default says",
                    "remove it");
        }
    }
}
