package io.jvmm.policy.parse;

import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A whole policy, includes and all, checked.
 *
 * @param name "serial"
 * @param defaultAction what happens to a call no rule decides about
 * @param defaultReason why
 * @param rules in the order written; the first that applies decides
 */
public record Policy(String name, Action defaultAction, String defaultReason, List<Rule> rules) {
    public Policy {
        rules = List.copyOf(rules);
    }

    /** What happens to a call: the meaning of the policy, against which the compiled filter is tested. */
    public Action decide(int number, long[] arguments) {
        for (Rule rule : rules) {
            if (rule.syscall().number() == number && rule.applies(arguments)) {
                return rule.action();
            }
        }
        return defaultAction;
    }

    /** Rules by system call number. */
    public SortedMap<Integer, List<Rule>> byNumber() {
        SortedMap<Integer, List<Rule>> groups = new TreeMap<>();
        for (Rule rule : rules) {
            groups.computeIfAbsent(rule.syscall().number(), n -> new ArrayList<>())
                    .add(rule);
        }
        return groups;
    }

    /** System calls that are carried out at least under some condition. */
    public List<SyscallTable.Syscall> allowed() {
        return rules.stream()
                .filter(r -> r.action().permits())
                .map(Rule::syscall)
                .distinct()
                .toList();
    }
}
