package io.jvmm.policy.probe;

import io.jvmm.policy.bpf.Bpf;
import io.jvmm.policy.bpf.BpfProgram;
import io.jvmm.policy.bpf.BpfSimulator;
import io.jvmm.policy.parse.Policy;
import io.jvmm.policy.parse.Rule;
import java.util.List;
import java.util.Optional;

/**
 * What a probed process is under: every filter that the kernel asks about its calls, and the policy that its last one was compiled
 * of, which has the reasons.
 *
 * @param filters in the order in which they were installed
 * @param policy of the last filter
 */
public record ProbePolicy(List<BpfProgram> filters, Policy policy) {
    public ProbePolicy {
        filters = List.copyOf(filters);
    }

    /**
     * What the filters together say to a call: the strictest of their answers, and of two that are as strict the newest filter's
     * (seccomp(2)).
     */
    public int verdict(ProbeCall call, long[] arguments) {
        int strictest = Bpf.RET_ALLOW;
        for (BpfProgram filter : filters.reversed()) {
            int answer = BpfSimulator.run(filter, call.door().architecture(), call.number(), arguments);
            // As the kernel compares them: the action as a signed number, kill of the process being the least.
            if ((answer & Bpf.RET_ACTION_MASK) < (strictest & Bpf.RET_ACTION_MASK)) {
                strictest = answer;
            }
        }
        return strictest;
    }

    /** Whether the filters end the process for it. */
    public boolean kills(ProbeCall call, long[] arguments) {
        return (verdict(call, arguments) & Bpf.RET_ACTION_MASK) == Bpf.RET_KILL_PROCESS;
    }

    /** The rule that lets a call pass: the entry of the short list; empty when there is none. */
    public Optional<Rule> entry(ProbeCall call, long[] arguments) {
        if (call.door() != ProbeCall.Door.SYSCALL) {
            return Optional.empty();
        }
        for (Rule rule : policy.rules()) {
            if (rule.syscall().number() == call.number() && rule.applies(arguments)) {
                return rule.action().permits() ? Optional.of(rule) : Optional.empty();
            }
        }
        return Optional.empty();
    }

    /**
     * How an outcome contradicts the filters or the policy; empty when it does not.
     *
     * @param arguments as the kernel saw them
     */
    public Optional<String> contradiction(ProbeCall call, long[] arguments, ProbeOutcome outcome) {
        int verdict = verdict(call, arguments);
        boolean agrees = switch (verdict & Bpf.RET_ACTION_MASK) {
            case Bpf.RET_KILL_PROCESS ->
                outcome instanceof ProbeOutcome.Killed(int signal) && signal == ProbeOutcome.SIGSYS;
            case Bpf.RET_ERRNO ->
                outcome instanceof ProbeOutcome.Returned(long result) && result == -(verdict & 0xffff);
            default -> outcome instanceof ProbeOutcome.Returned;
        };
        if (!agrees) {
            return Optional.of(call.name() + ": the filters say \"" + Bpf.describe(verdict)
                    + "\", and what came of it is " + outcome.word());
        }
        if (outcome.succeeded() && entry(call, arguments).isEmpty()) {
            return Optional.of(call.name() + " succeeds, and no rule of the policy says so");
        }
        return Optional.empty();
    }
}
