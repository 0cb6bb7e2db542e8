package io.jvmm.policy.bpf;

import io.jvmm.policy.parse.Action;
import io.jvmm.policy.parse.ArgumentTest;
import io.jvmm.policy.parse.Condition;
import io.jvmm.policy.parse.Policy;
import io.jvmm.policy.parse.Rule;
import io.jvmm.policy.parse.SyscallTable;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Compiles a policy to classic BPF.
 *
 * <pre>
 *   architecture is x86-64?          no: kill
 *   number has the x32 bit?          yes: kill
 *   binary search over the numbers, calls with the same unconditional answer side by side sharing a leaf
 *   per call with conditions: its rules in order; the tests of a rule one after another
 * </pre>
 *
 * BPF computes in 32 bits, so a 64-bit argument is tested as two halves.
 */
public final class PolicyCompiler {
    private final BackwardAssembler out = new BackwardAssembler();

    private PolicyCompiler() {}

    /**
     * Compiles.
     *
     * @throws IllegalArgumentException when the policy is too large for the kernel
     */
    public static BpfProgram compile(Policy policy) {
        return new PolicyCompiler().program(policy);
    }

    private BpfProgram program(Policy policy) {
        int fallback = Bpf.returnValue(policy.defaultAction());
        TreeMap<Long, Target> starts = new TreeMap<>();
        starts.put(0L, new Target.Answer(fallback));
        for (Map.Entry<Integer, List<Rule>> entry : policy.byNumber().entrySet()) {
            long number = entry.getKey();
            List<Rule> rules = entry.getValue();
            Target target = rules.getFirst().conditions().isEmpty()
                    ? new Target.Answer(Bpf.returnValue(rules.getFirst().action()))
                    : new Target.Body(body(rules, fallback));
            starts.put(number, target);
            starts.putIfAbsent(number + 1, new Target.Answer(fallback));
        }
        int kill = Bpf.returnValue(new Action.Kill());
        int search = search(merge(starts));
        int x32 = out.jump(Bpf.JGE, Bpf.X32_BIT, out.ret(kill), search);
        int number = out.load(Bpf.NR, x32);
        int architecture = out.jump(Bpf.JEQ, Bpf.AUDIT_ARCH_X86_64, number, out.ret(kill));
        return out.finish(out.load(Bpf.ARCH, architecture));
    }

    /** Where the search ends. */
    private sealed interface Target {
        record Answer(int returnValue) implements Target {}

        record Body(int position) implements Target {}
    }

    private record Interval(int start, Target target) {}

    private static List<Interval> merge(SortedMap<Long, Target> starts) {
        List<Interval> merged = new ArrayList<>();
        starts.forEach((start, target) -> {
            if (merged.isEmpty() || !merged.getLast().target().equals(target)) {
                merged.add(new Interval((int) (long) start, target));
            }
        });
        return merged;
    }

    /** Binary search: the last interval whose start is not above A. */
    private int search(List<Interval> intervals) {
        if (intervals.size() == 1) {
            return switch (intervals.getFirst().target()) {
                case Target.Answer(int value) -> out.ret(value);
                case Target.Body(int position) -> position;
            };
        }
        int middle = intervals.size() / 2;
        int high = search(intervals.subList(middle, intervals.size()));
        int low = search(intervals.subList(0, middle));
        return out.jump(Bpf.JGE, intervals.get(middle).start(), high, low);
    }

    private int body(List<Rule> rules, int fallback) {
        int next = out.ret(fallback);
        for (Rule rule : rules.reversed()) {
            int position = out.ret(Bpf.returnValue(rule.action()));
            for (Condition condition : rule.conditions().reversed()) {
                position = test(condition.argument(), condition.test(), position, next);
            }
            next = position;
        }
        return next;
    }

    private int test(SyscallTable.Argument argument, ArgumentTest test, int yes, int no) {
        int low = Bpf.ARGUMENTS + 8 * argument.index();
        int high = argument.bits() == 64 ? low + 4 : -1;
        return switch (test) {
            case ArgumentTest.OneOf(List<Long> values) -> oneOf(low, high, values, yes, no);
            case ArgumentTest.NoneOf(List<Long> values) -> oneOf(low, high, values, no, yes);
            case ArgumentTest.Range(long from, long to) -> {
                int below = to == argument.mask() ? yes : compare(low, high, Bpf.JGT, to, no, yes);
                yield from == 0 ? below : compare(low, high, Bpf.JGE, from, below, no);
            }
            case ArgumentTest.Masked(long mask, long value, boolean equal) ->
                masked(low, high, mask, value, equal ? yes : no, equal ? no : yes);
        };
    }

    private int oneOf(int low, int high, List<Long> values, int yes, int no) {
        if (high < 0) {
            return out.load(low, members(values, yes, no));
        }
        TreeMap<Integer, List<Long>> byUpper = new TreeMap<>(Integer::compareUnsigned);
        values.forEach(v -> byUpper.computeIfAbsent((int) (v >>> 32), u -> new ArrayList<>())
                .add(v));
        int next = no;
        for (Map.Entry<Integer, List<Long>> entry : byUpper.descendingMap().entrySet()) {
            int inside = out.load(low, members(entry.getValue(), yes, no));
            next = out.jump(Bpf.JEQ, entry.getKey(), inside, next);
        }
        return out.load(high, next);
    }

    /** Is A the lower half of one of these? Few are compared one by one, many by binary search. */
    private int members(List<Long> values, int yes, int no) {
        if (values.size() <= 4) {
            int next = no;
            for (long value : values.reversed()) {
                next = out.jump(Bpf.JEQ, (int) value, yes, next);
            }
            return next;
        }
        int middle = values.size() / 2;
        int above = members(values.subList(middle, values.size()), yes, no);
        int below = members(values.subList(0, middle), yes, no);
        return out.jump(Bpf.JGE, (int) (long) values.get(middle), above, below);
    }

    /** Unsigned comparison of the whole argument; {@code code} is JGT or JGE. */
    private int compare(int low, int high, int code, long limit, int yes, int no) {
        int lower = out.load(low, out.jump(code, (int) limit, yes, no));
        if (high < 0) {
            return lower;
        }
        int upper = (int) (limit >>> 32);
        int same = out.jump(Bpf.JEQ, upper, lower, no);
        return out.load(high, out.jump(Bpf.JGT, upper, yes, same));
    }

    private int masked(int low, int high, long mask, long value, int yes, int no) {
        int next = yes;
        if ((int) mask != 0) {
            next = maskedHalf(low, (int) mask, (int) value, next, no);
        }
        int upperMask = (int) (mask >>> 32);
        if (high >= 0 && upperMask != 0) {
            next = maskedHalf(high, upperMask, (int) (value >>> 32), next, no);
        }
        return next;
    }

    private int maskedHalf(int offset, int mask, int value, int yes, int no) {
        int test = value == 0 ? out.jump(Bpf.JSET, mask, no, yes) : out.and(mask, out.jump(Bpf.JEQ, value, yes, no));
        return out.load(offset, test);
    }
}
