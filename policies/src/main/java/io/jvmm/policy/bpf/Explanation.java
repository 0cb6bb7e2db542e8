package io.jvmm.policy.bpf;

import io.jvmm.policy.parse.Action;
import io.jvmm.policy.parse.Policy;
import io.jvmm.policy.parse.Rule;
import java.util.List;
import java.util.function.Predicate;

/** A policy as a reviewer wants it: how many calls are allowed, which, when and why. */
public final class Explanation {
    private Explanation() {}

    /** The whole page. */
    public static String of(Policy policy) {
        StringBuilder text = new StringBuilder(headline(policy)).append('\n');
        section(text, policy, "allowed", Action::permits);
        section(text, policy, "refused in a special way", action -> !action.permits());
        text.append("\nanything else: ").append(policy.defaultAction()).append(" (");
        return text.append(policy.defaultReason()).append(")\n").toString();
    }

    /** One line: the counts. */
    public static String headline(Policy policy) {
        List<Integer> allowed =
                policy.allowed().stream().map(call -> call.number()).toList();
        long conditional = policy.byNumber().entrySet().stream()
                .filter(e -> allowed.contains(e.getKey()))
                .filter(e -> !e.getValue().getFirst().conditions().isEmpty())
                .count();
        long special =
                policy.rules().stream().filter(r -> !r.action().permits()).count();
        BpfProgram program = PolicyCompiler.compile(policy);
        return String.format(
                "%s: %d system calls allowed, %d of them only with certain arguments; %d rules that refuse; %d BPF instructions",
                policy.name(),
                allowed.size(),
                conditional,
                special,
                program.instructions().size());
    }

    private static void section(StringBuilder text, Policy policy, String title, Predicate<Action> which) {
        text.append('\n').append(title).append(":\n");
        for (List<Rule> rules : policy.byNumber().values()) {
            for (Rule rule : rules) {
                if (which.test(rule.action())) {
                    text.append(String.format("  %-60s %s  [%s]%n", rule.text(), rule.reason(), rule.location()));
                }
            }
        }
    }
}
