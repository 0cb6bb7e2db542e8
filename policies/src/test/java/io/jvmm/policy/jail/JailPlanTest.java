package io.jvmm.policy.jail;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.sys.SyscallNumbers;
import io.jvmm.policy.sys.PreparedCall;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The order of the steps is the jail: what must come before what. */
final class JailPlanTest {
    private static final HostFacts FACTS = new HostFacts(40, 7);
    private static final List<FdMapping> STANDARD =
            List.of(new FdMapping(9, 0), new FdMapping(10, 1), new FdMapping(11, 2));

    @Test
    void theStepsInOrder() {
        List<String> names = names(plan(HostIdentity.ids(5000, 5000), List.of(20, 21)));
        List<String> landmarks = List.of(
                "die with the supervisor",
                "close the pipe's other end",
                "wait for the id maps",
                "limit core",
                "setgroups to none",
                "setresgid",
                "setresuid",
                "make mounts private",
                "new root",
                "attach new root",
                "mkdir /jvmm",
                "mkdir /jvmm/lib",
                "mount /jvmm/lib",
                "make read-only /jvmm/lib",
                "create /jvmm/java",
                "mount /jvmm/java",
                "make read-only /jvmm/java",
                "enter new root",
                "pivot_root",
                "detach old root",
                "cd /",
                "make read-only /",
                "sethostname",
                "setsid",
                "limit threads",
                "bounding set without capability 0",
                "bounding set without capability 40",
                "no ambient capabilities",
                "lock securebits",
                "no_new_privs",
                "landlock_restrict_self",
                "no capabilities",
                "die with the supervisor, again",
                "the supervisor still lives",
                "lift descriptor 0",
                "place descriptor 0",
                "close descriptors from 3",
                "limit descriptors",
                "seccomp wide filter",
                "unblock signals",
                "execve /jvmm/java");
        int at = -1;
        for (String landmark : landmarks) {
            int index = names.indexOf(landmark);
            assertTrue(index > at, landmark + " is missing or too early in " + names);
            at = index;
        }
        assertEquals(names.size() - 1, at, "execve is not the last step");
    }

    @Test
    void afterTheFilterThereIsNothingButExecve() {
        List<PreparedCall> plan = plan(HostIdentity.sameUser(), List.of());
        int filter = names(plan).indexOf("seccomp wide filter");
        assertEquals(
                List.of(SyscallNumbers.RT_SIGPROCMASK, SyscallNumbers.EXECVE),
                plan.subList(filter + 1, plan.size()).stream()
                        .map(PreparedCall::number)
                        .toList());
    }

    @Test
    void anOrdinaryUsersChildTakesItsMountsItself() {
        List<String> names = names(plan(HostIdentity.sameUser(), List.of()));
        assertTrue(names.indexOf("take /opt/lib for /jvmm/lib") < names.indexOf("setresuid"));
        assertTrue(names.contains("take /opt/java for /jvmm/java"));
        assertFalse(names.contains("setgroups to none"), "the kernel refuses it after setgroups was denied");
    }

    @Test
    void everyStepMustSucceed() {
        for (PreparedCall step : plan(HostIdentity.sameUser(), List.of())) {
            assertFalse(step.accept() instanceof PreparedCall.Accept.Anything, step.name() + " may fail unnoticed");
        }
    }

    @Test
    void gapsBetweenDescriptorsAreClosed() {
        List<FdMapping> fds = List.of(
                new FdMapping(30, 0),
                new FdMapping(31, 1),
                new FdMapping(32, 2),
                new FdMapping(33, 7),
                new FdMapping(34, 8));
        List<String> names = names(JailPlan.unconfined(List.of("/x"), Map.of(), fds, descriptors(List.of())));
        assertTrue(names.contains("close descriptors 3 to 6"), names.toString());
        assertTrue(names.contains("close descriptors from 9"), names.toString());
    }

    @Test
    void descriptorMistakesAreRefused() {
        assertThrows(
                IllegalArgumentException.class,
                () -> JailPlan.unconfined(
                        List.of("/x"),
                        Map.of(),
                        List.of(new FdMapping(3, 1), new FdMapping(4, 2)),
                        descriptors(List.of())));
        assertThrows(
                IllegalArgumentException.class,
                () -> JailPlan.unconfined(
                        List.of("/x"),
                        Map.of(),
                        List.of(new FdMapping(3, 0), new FdMapping(4, 1), new FdMapping(5, 2), new FdMapping(6, 2)),
                        descriptors(List.of())));
        assertThrows(IllegalArgumentException.class, () -> new FdMapping(3, FdMapping.FIRST_LIFTED));
    }

    @Test
    void aHostWithoutLandlockIsRefusedUnlessTheSpecificationSaysOtherwise() {
        HostFacts without = new HostFacts(40, 0);
        JailSpec.Builder spec = JailSpec.builder("test")
                .identity(Programs.root() ? HostIdentity.ids(5000, 5000) : HostIdentity.sameUser())
                .wideFilter(Programs.ALLOW_ALL);
        JailException e = assertThrows(JailException.class, () -> Jail.prepare(spec.build(), "/x", without));
        assertTrue(e.cure().contains("lsm="), e.getMessage());
        try (Jail.Opened opened =
                Jail.prepare(spec.landlock(JailSpec.Landlocked.WHERE_AVAILABLE).build(), "/x", without)) {
            assertEquals(-1, opened.forPlan().landlockRuleset());
        }
    }

    @Test
    void aRootSupervisorGivesEachChildAnIdOfItsOwnAndAnOrdinaryUserCannot() {
        HostIdentity wrong = Programs.root() ? HostIdentity.sameUser() : HostIdentity.ids(5000, 5000);
        JailSpec spec = JailSpec.builder("test")
                .identity(wrong)
                .wideFilter(Programs.ALLOW_ALL)
                .build();
        JailException e = assertThrows(JailException.class, () -> Jail.prepare(spec, "/x", FACTS));
        assertEquals("identity", e.step());
        assertFalse(e.cure().isEmpty());
    }

    @Test
    void specificationMistakesAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> HostIdentity.ids(0, 5));
        assertThrows(IllegalArgumentException.class, () -> bind("/opt/lib", "relative", true));
        assertThrows(IllegalArgumentException.class, () -> bind("/opt/lib", "/a/../b", true));
        assertThrows(IllegalArgumentException.class, () -> bind("opt/lib", "/a", true));
        JailSpec.Builder twice = JailSpec.builder("x")
                .wideFilter(Programs.ALLOW_ALL)
                .bind(bind("/opt/a", "/a", true))
                .bind(bind("/opt/b", "/a", true));
        assertThrows(IllegalArgumentException.class, twice::build);
        assertThrows(
                IllegalArgumentException.class,
                () -> JailSpec.builder("no filter").build());
    }

    private static List<PreparedCall> plan(HostIdentity identity, List<Integer> mounts) {
        JailSpec spec = JailSpec.builder("test")
                .identity(identity)
                .bind(bind("/opt/lib", "/jvmm/lib", true))
                .bind(bind("/opt/java", "/jvmm/java", false))
                .wideFilter(Programs.ALLOW_ALL)
                .build();
        return JailPlan.jailed(spec, List.of("/jvmm/java"), Map.of("A", "b"), STANDARD, FACTS, descriptors(mounts));
    }

    private static JailPlan.Descriptors descriptors(List<Integer> mounts) {
        return new JailPlan.Descriptors(5, 6, 8, 7, mounts);
    }

    private static Bind bind(String source, String target, boolean directory) {
        return new Bind(Path.of(source), target, Bind.Kind.DATA, directory);
    }

    private static List<String> names(List<PreparedCall> plan) {
        return plan.stream().map(PreparedCall::name).toList();
    }
}
