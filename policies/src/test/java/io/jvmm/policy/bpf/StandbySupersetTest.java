package io.jvmm.policy.bpf;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import io.jvmm.policy.parse.Action;
import io.jvmm.policy.parse.Policy;
import io.jvmm.policy.parse.PolicyParser;
import io.jvmm.policy.parse.Rule;
import io.jvmm.policy.parse.SyscallTable;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A spare's filter stays in force under the narrow one of its class, and the stricter verdict counts: so it must allow whatever each of
 * them does, and must not kill for what they refuse with an errno.
 */
final class StandbySupersetTest {
    private static final int CALLS = 300_000;

    /** Every policy that a device serves under: those that are made of {@code device.policy}. */
    static List<String> classes() throws Exception {
        List<String> classes = new ArrayList<>();
        for (String name : Policies.names()) {
            if (Files.readString(Policies.SOURCES.resolve(name + ".policy")).contains("include device.policy")) {
                classes.add(name);
            }
        }
        assertTrue(classes.containsAll(
                List.of("serial", "platform", "block", "net", "console", "rng", "balloon", "vsock")));
        return classes;
    }

    @ParameterizedTest
    @MethodSource("classes")
    void whatAClassMayASpareMayToo(String name) throws Exception {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        Policy narrow = Policies.parse(name);
        Policy standby = PolicyParser.parse(Policies.SOURCES.resolve("standby.policy"));
        List<Integer> numbers = List.copyOf(narrow.byNumber().keySet());
        for (int i = 0; i < CALLS; i++) {
            int number = numbers.get(random.nextInt(numbers.size()));
            compare(narrow, standby, number, PolicyCompilerTest.arguments(narrow, number, random));
        }
    }

    private static void compare(Policy narrow, Policy standby, int number, long[] arguments) {
        Action serving = narrow.decide(number, arguments);
        Action waiting = standby.decide(number, arguments);
        if (strictness(waiting) > strictness(serving)) {
            throw new AssertionError(SyscallTable.x86_64().name(number) + " " + Arrays.toString(arguments) + ": "
                    + narrow.name() + " says " + serving + ", standby " + waiting);
        }
    }

    private static int strictness(Action action) {
        return switch (action) {
            case Action.Allow() -> 0;
            case Action.Log() -> 0;
            case Action.Deny(var errno) -> 1;
            case Action.Trap() -> 2;
            case Action.Kill() -> 3;
        };
    }

    /** What it allows beyond them goes with the narrow filter: none of them has it. */
    @Test
    void whatTakingOverNeedsNoClassKeeps() throws Exception {
        for (String call :
                List.of("clone", "seccomp", "prctl", "fcntl", "ftruncate", "eventfd2", "epoll_create1", "fstat")) {
            int number = SyscallTable.x86_64().number(call);
            assertTrue(Policies.compiled("standby").allowedCalls().contains(number), call);
            for (String name : classes()) {
                List<Rule> rules = Policies.parse(name).byNumber().getOrDefault(number, List.of());
                assertFalse(rules.stream().anyMatch(rule -> rule.action().permits()), name + " allows " + call);
            }
        }
    }
}
