package io.jvmm.policy.bpf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.sys.Errno;
import io.jvmm.policy.parse.Action;
import io.jvmm.policy.parse.ArgumentTest;
import io.jvmm.policy.parse.Condition;
import io.jvmm.policy.parse.Location;
import io.jvmm.policy.parse.Policy;
import io.jvmm.policy.parse.Rule;
import io.jvmm.policy.parse.SyscallTable;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The compiled filter does what the policy says: for the policies of the tree and for random ones, with random calls. */
final class PolicyCompilerTest {
    private static final int RUNS = 200_000;
    private static final List<Action> ACTIONS = List.of(
            new Action.Allow(),
            new Action.Log(),
            new Action.Trap(),
            new Action.Kill(),
            new Action.Deny(Errno.EPERM),
            new Action.Deny(Errno.ENOSYS));

    static List<String> policies() throws Exception {
        return Policies.names();
    }

    @ParameterizedTest
    @MethodSource("policies")
    void filtersOfTheTreeAgreeWithTheirPolicies(String name) throws Exception {
        long seed = TestSeed.next();
        Policy policy = Policies.parse(name);
        BpfProgram program = Policies.compiled(name);
        assertEquals(PolicyCompiler.compile(policy), program, "the build compiled another policy");
        compare(policy, program, new Random(seed), RUNS);
    }

    @Test
    void randomPoliciesAgree() {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        for (int i = 0; i < 300; i++) {
            Policy policy = randomPolicy(random, 1 + random.nextInt(60));
            compare(policy, PolicyCompiler.compile(policy), random, 400);
        }
    }

    @Test
    void jumpsFartherThan255InstructionsWork() {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        for (int i = 0; i < 10; i++) {
            Policy policy = randomPolicy(random, 300);
            BpfProgram program = PolicyCompiler.compile(policy);
            assertTrue(program.instructions().size() > 600, "not long enough to matter");
            assertTrue(program.instructions().stream().anyMatch(in -> in.code() == Bpf.JA), "no long jump in it");
            compare(policy, program, random, 3000);
        }
    }

    @Test
    void anotherArchitectureAndX32AreKilled() throws Exception {
        for (String name : Policies.names()) {
            BpfProgram program = Policies.compiled(name);
            int i386 = 0x40000003;
            assertEquals(Bpf.RET_KILL_PROCESS, BpfSimulator.run(program, i386, 4, new long[6]), name);
            for (int number : new int[] {0, 1, 202, 520, -1}) {
                int x32 = number | Bpf.X32_BIT;
                assertEquals(
                        Bpf.RET_KILL_PROCESS, BpfSimulator.run(program, Bpf.AUDIT_ARCH_X86_64, x32, new long[6]), name);
            }
        }
    }

    @Test
    void a64BitComparisonLooksAtBothHalves() {
        for (long limit : new long[] {0, 1, 0xffff_ffffL, 0x1_0000_0000L, 0x7_0000_0005L, -1L, Long.MIN_VALUE}) {
            for (ArgumentTest test : List.of(
                    new ArgumentTest.OneOf(List.of(limit)),
                    new ArgumentTest.NoneOf(List.of(limit, 5L)),
                    new ArgumentTest.Range(0, limit),
                    new ArgumentTest.Range(limit, -1L),
                    new ArgumentTest.Masked(0xf_0000_00ffL, limit & 0xf_0000_00ffL, true),
                    new ArgumentTest.Masked(0xf_0000_00ffL, limit & 0xf_0000_00ffL, false))) {
                Policy policy = one(test);
                BpfProgram program = PolicyCompiler.compile(policy);
                for (long near :
                        new long[] {limit - 1, limit, limit + 1, limit ^ 0x1_0000_0000L, (int) limit, ~limit, 5}) {
                    check(policy, program, 11, new long[] {near, 0, 0, 0, 0, 0});
                }
            }
        }
    }

    @Test
    void aPolicyTooLargeForTheKernelIsRefused() {
        List<Long> values =
                LongStream.range(0, 3000).map(i -> (i * 7) << 20).boxed().toList();
        assertThrows(IllegalArgumentException.class, () -> PolicyCompiler.compile(one(new ArgumentTest.OneOf(values))));
    }

    @Test
    void theListingNamesCallsAndTargets() throws Exception {
        String listing = BpfListing.of(Policies.compiled("vcpu"));
        assertTrue(listing.contains("load architecture"), listing);
        assertTrue(listing.contains("(futex)"), listing);
        assertTrue(listing.contains("0xae80"), "KVM_RUN is missing: " + listing);
        assertTrue(listing.contains("errno EACCES"), listing);
    }

    @Test
    void loggingFiltersRefuseNothing() throws Exception {
        BpfProgram program = Policies.compiled("serial").onlyLogging();
        for (int number = 0; number < 500; number++) {
            int action = BpfSimulator.run(program, Bpf.AUDIT_ARCH_X86_64, number, new long[6]);
            assertTrue(action == Bpf.RET_ALLOW || action == Bpf.RET_LOG);
        }
    }

    @Test
    void allowedCallsAreCountedFromTheFilterItself() throws Exception {
        for (String name : Policies.names()) {
            List<Integer> fromPolicy = Policies.parse(name).allowed().stream()
                    .map(c -> c.number())
                    .sorted()
                    .toList();
            assertEquals(fromPolicy, List.copyOf(Policies.compiled(name).allowedCalls()), name);
        }
    }

    @Test
    void bytesSurviveTheRoundTripAndJunkIsRefused() throws Exception {
        BpfProgram program = Policies.compiled("wide");
        assertEquals(program, BpfProgram.fromBytes(program.toBytes()));
        assertThrows(IllegalArgumentException.class, () -> BpfProgram.fromBytes(new byte[0]));
        assertThrows(IllegalArgumentException.class, () -> BpfProgram.fromBytes(new byte[12]));
        assertThrows(IllegalArgumentException.class, () -> BpfProgram.fromBytes(new byte[16]));
        byte[] endless = program.toBytes();
        endless[endless.length - 8] = 0x20;
        assertThrows(IllegalArgumentException.class, () -> BpfProgram.fromBytes(endless));
    }

    private static void compare(Policy policy, BpfProgram program, Random random, int runs) {
        List<Integer> numbers = new ArrayList<>(policy.byNumber().keySet());
        for (int i = 0; i < runs; i++) {
            int number = random.nextInt(4) == 0 ? random.nextInt(600) : numbers.get(random.nextInt(numbers.size()));
            check(policy, program, number, arguments(policy, number, random));
        }
    }

    private static void check(Policy policy, BpfProgram program, int number, long[] arguments) {
        int expected = Bpf.returnValue(policy.decide(number, arguments));
        int actual = BpfSimulator.run(program, Bpf.AUDIT_ARCH_X86_64, number, arguments);
        if (expected != actual) {
            throw new AssertionError("call " + number + " "
                    + LongStream.of(arguments).boxed().toList() + ": policy says "
                    + Bpf.describe(expected) + ", filter says " + Bpf.describe(actual) + "\n" + policy.rules() + "\n"
                    + BpfListing.of(program));
        }
    }

    /** Arguments near the values the rules ask for, often with junk in the upper half. */
    static long[] arguments(Policy policy, int number, Random random) {
        long[] arguments = random.longs(6).toArray();
        for (Rule rule : policy.byNumber().getOrDefault(number, List.of())) {
            for (Condition c : rule.conditions()) {
                if (random.nextInt(3) != 0) {
                    arguments[c.argument().index()] = near(c.test(), random);
                }
            }
        }
        return arguments;
    }

    private static long near(ArgumentTest test, Random random) {
        long value = switch (test) {
            case ArgumentTest.OneOf(List<Long> values) -> values.get(random.nextInt(values.size()));
            case ArgumentTest.NoneOf(List<Long> values) -> values.get(random.nextInt(values.size()));
            case ArgumentTest.Range(long low, long high) -> random.nextBoolean() ? low : high;
            case ArgumentTest.Masked(long mask, long value2, boolean equal) -> value2 | (random.nextLong() & ~mask);
        };
        return switch (random.nextInt(6)) {
            case 0 -> value + 1;
            case 1 -> value - 1;
            case 2 -> value ^ (1L << random.nextInt(64));
            case 3 -> value | (random.nextLong() << 32);
            default -> value;
        };
    }

    private static Policy randomPolicy(Random random, int size) {
        List<Rule> rules = new ArrayList<>();
        for (int i = 0; i < size; i++) {
            int number = random.nextInt(500);
            List<Condition> conditions = new ArrayList<>();
            for (int c = random.nextInt(4); c > 0; c--) {
                int bits = random.nextBoolean() ? 32 : 64;
                var argument = new SyscallTable.Argument(random.nextInt(6), "a", bits);
                conditions.add(new Condition(argument, randomTest(random, argument.mask()), "test"));
            }
            rules.add(rule(number, ACTIONS.get(random.nextInt(ACTIONS.size())), conditions));
        }
        return new Policy("random", ACTIONS.get(random.nextInt(ACTIONS.size())), "by chance", rules);
    }

    private static ArgumentTest randomTest(Random random, long mask) {
        long a = value(random) & mask;
        long b = value(random) & mask;
        return switch (random.nextInt(5)) {
            case 0 ->
                new ArgumentTest.OneOf(random.longs(1 + random.nextInt(9))
                        .map(v -> (v >>> random.nextInt(60)) & mask)
                        .boxed()
                        .toList());
            case 1 -> new ArgumentTest.NoneOf(List.of(a, b));
            case 2 -> Long.compareUnsigned(a, b) <= 0 ? new ArgumentTest.Range(a, b) : new ArgumentTest.Range(b, a);
            case 3 -> new ArgumentTest.Masked(a | 1, b & (a | 1), random.nextBoolean());
            default -> new ArgumentTest.Range(a, mask);
        };
    }

    private static long value(Random random) {
        return switch (random.nextInt(3)) {
            case 0 -> random.nextInt(100);
            case 1 -> random.nextLong() >>> random.nextInt(64);
            default -> (random.nextLong() << 32) >>> random.nextInt(33);
        };
    }

    private static Policy one(ArgumentTest test) {
        var argument = new SyscallTable.Argument(0, "a", 64);
        return new Policy(
                "one",
                new Action.Kill(),
                "default",
                List.of(rule(11, new Action.Allow(), List.of(new Condition(argument, test, "test")))));
    }

    private static Rule rule(int number, Action action, List<Condition> conditions) {
        var call = new SyscallTable.Syscall(number, "call" + number, List.of());
        return new Rule(new Location("test", 1, 1), action, call, conditions, "by chance");
    }
}
