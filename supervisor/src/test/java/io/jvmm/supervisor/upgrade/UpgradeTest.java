package io.jvmm.supervisor.upgrade;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import io.jvmm.supervisor.upgrade.UpgradeActions.Role;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Every step of an upgrade, and every way out of it, on a virtual clock. */
class UpgradeTest {
    private static final Upgrade.Patience PATIENCE = new Upgrade.Patience(
            Duration.ofSeconds(20),
            Duration.ofSeconds(1),
            Duration.ofSeconds(5),
            Duration.ofSeconds(2),
            Duration.ofSeconds(6),
            Duration.ofSeconds(10));

    private final List<String> done = new ArrayList<>();
    private String wrongWith = "";
    private String refuses = "";
    private boolean dying;
    private long nowNs = 1_000_000_000L;

    private final UpgradeActions actions = new UpgradeActions() {
        @Override
        public Optional<String> audit(Role role) {
            done.add("audit " + role);
            return role.name().equals(wrongWith) ? Optional.of("a fault") : Optional.empty();
        }

        @Override
        public boolean hasEnded(Role role) {
            return dying;
        }

        @Override
        public void ping() {
            done.add("ping");
        }

        @Override
        public void silent(long silentNs) {
            done.add("silent " + silentNs / 1_000_000);
        }

        @Override
        public void drain() {
            done.add("drain");
        }

        @Override
        public void away() {
            done.add("away");
        }

        @Override
        public void scrub() {
            done.add("scrub");
        }

        @Override
        public Optional<String> convert() {
            done.add("convert");
            return refuses.equals("convert") ? Optional.of("no convert") : Optional.empty();
        }

        @Override
        public Optional<String> assign() {
            done.add("assign");
            return refuses.equals("assign") ? Optional.of("no assign") : Optional.empty();
        }

        @Override
        public void kill(Role role) {
            done.add("kill " + role);
        }

        @Override
        public void back() {
            done.add("back");
        }

        @Override
        public void adopt() {
            done.add("adopt");
        }

        @Override
        public void start() {
            done.add("start");
        }

        @Override
        public void resume() {
            done.add("resume");
        }

        @Override
        public void replace() {
            done.add("replace");
        }

        @Override
        public void boardIsSilent() {
            done.add("give up");
        }

        @Override
        public void giveUp(String reason) {
            done.add("give up");
        }

        @Override
        public void stuck() {
            done.add("stuck");
        }

        @Override
        public void finished(Optional<String> fault, long blackoutNs) {
            done.add(fault.map(f -> "failed: " + f).orElse("done"));
        }
    };

    private Upgrade upgrade(Transfer transfer) {
        return new Upgrade(transfer, PATIENCE, actions, nowNs);
    }

    /** What has been done since last asked. */
    private List<String> taken() {
        List<String> copy = List.copyOf(done);
        done.clear();
        return copy;
    }

    private Upgrade warmed(Transfer transfer) {
        Upgrade u = upgrade(transfer);
        u.ready(Role.SUCCESSOR, nowNs);
        u.acknowledged(Upgrade.Asked.PING, 0, nowNs);
        assertEquals(Upgrade.Step.DRAINING, u.step());
        return u;
    }

    private Upgrade asking(Transfer transfer) {
        Upgrade u = upgrade(transfer);
        u.ready(Role.SUCCESSOR, nowNs);
        assertEquals(Upgrade.Step.ASKING, u.step());
        return u;
    }

    private Upgrade leaving(Transfer transfer) {
        Upgrade u = warmed(transfer);
        u.acknowledged(Upgrade.Asked.DRAIN, 0, nowNs);
        assertEquals(Upgrade.Step.LEAVING, u.step());
        return u;
    }

    private Upgrade converting() {
        Upgrade u = leaving(Transfer.EXPORT);
        u.acknowledged(Upgrade.Asked.AWAY, 0, nowNs);
        assertEquals(Upgrade.Step.CONVERTING, u.step());
        return u;
    }

    private Upgrade assigning(Transfer transfer) {
        Upgrade u;
        if (transfer == Transfer.EXPORT) {
            u = converting();
            u.ready(Role.CONVERTER, nowNs);
            u.ended(Role.CONVERTER, "was killed", nowNs);
        } else {
            u = leaving(transfer);
            u.acknowledged(Upgrade.Asked.AWAY, 0, nowNs);
        }
        assertEquals(Upgrade.Step.ASSIGNING, u.step());
        return u;
    }

    private Upgrade retiring(Transfer transfer) {
        Upgrade u = assigning(transfer);
        u.ready(Role.SUCCESSOR, nowNs);
        assertEquals(Upgrade.Step.RETIRING, u.step());
        return u;
    }

    @ParameterizedTest
    @EnumSource(names = {"COPY", "MIGRATE"})
    void goesToTheNewOne(Transfer transfer) {
        Upgrade u = retiring(transfer);
        u.ended(Role.OLD, "was killed", nowNs);
        assertEquals(Upgrade.Step.RETURNING, u.step());
        u.acknowledged(Upgrade.Asked.BACK, 0, nowNs);
        assertEquals(Upgrade.Step.OVER, u.step());
        assertEquals(
                List.of(
                        "audit SUCCESSOR",
                        "ping",
                        "drain",
                        "away",
                        "scrub",
                        "assign",
                        "audit SUCCESSOR",
                        "kill OLD",
                        "back",
                        "adopt",
                        "start",
                        "done"),
                taken());
        assertEquals(Upgrade.NEVER, u.nextDeadlineNs());
    }

    /** Killed when its work is done, and only then: any other end of it is trouble. */
    @Test
    void theEndOfOneThatIsDoneIsWanted() {
        Upgrade u = converting();
        assertFalse(u.isDone(Role.CONVERTER) || u.isDone(Role.OLD));
        u.ready(Role.CONVERTER, nowNs);
        assertTrue(u.isDone(Role.CONVERTER));
        u.ended(Role.CONVERTER, "was killed", nowNs);
        assertFalse(u.isDone(Role.CONVERTER) || u.isDone(Role.OLD));
        u.ready(Role.SUCCESSOR, nowNs);
        assertTrue(u.isDone(Role.OLD));
        assertFalse(u.isDone(Role.SUCCESSOR));
        u.ended(Role.SUCCESSOR, "was killed by SIGSEGV", nowNs);
        assertFalse(u.isDone(Role.OLD), "nobody is there to go on");
        Upgrade silent = asking(Transfer.COPY);
        silent.tick(silent.nextDeadlineNs());
        assertFalse(silent.isDone(Role.OLD), "it is killed for its silence");
    }

    @Test
    void goesToAnOlderVersionByWayOfTheConverter() {
        Upgrade u = retiring(Transfer.EXPORT);
        u.ended(Role.OLD, "was killed", nowNs);
        u.acknowledged(Upgrade.Asked.BACK, 0, nowNs);
        assertEquals(
                List.of(
                        "audit SUCCESSOR",
                        "ping",
                        "drain",
                        "away",
                        "scrub",
                        "convert",
                        "audit CONVERTER",
                        "kill CONVERTER",
                        "assign",
                        "audit SUCCESSOR",
                        "kill OLD",
                        "back",
                        "adopt",
                        "start",
                        "done"),
                taken());
    }

    /** Nobody adopts a segment that the converter can still write to. */
    @Test
    void theConverterIsGoneBeforeTheSuccessorGetsItsState() {
        Upgrade u = converting();
        u.ready(Role.CONVERTER, nowNs);
        assertEquals(Upgrade.Step.CONVERTING, u.step());
        taken();
        u.ready(Role.CONVERTER, nowNs);
        assertEquals(List.of(), taken());
        u.ended(Role.CONVERTER, "was killed", nowNs);
        assertEquals(List.of("assign"), taken());
    }

    @Test
    void aSuccessorThatIsNeverReadyLeavesTheOldOneAlone() {
        Upgrade u = upgrade(Transfer.COPY);
        u.tick(u.nextDeadlineNs() - 1);
        assertEquals(List.of(), taken());
        u.tick(u.nextDeadlineNs());
        assertEquals(List.of("kill SUCCESSOR"), taken());
        u.ended(Role.SUCCESSOR, "was killed", nowNs);
        assertEquals(List.of("failed: the new process did not become ready within 20 s"), taken());
    }

    @Test
    void aSuccessorThatIsNotJailedAsItMustBeGetsNothing() {
        wrongWith = "SUCCESSOR";
        Upgrade u = upgrade(Transfer.COPY);
        u.ready(Role.SUCCESSOR, nowNs);
        assertEquals(List.of("audit SUCCESSOR", "kill SUCCESSOR"), taken());
        u.ended(Role.SUCCESSOR, "was killed", nowNs);
        assertEquals(List.of("failed: the new process is not jailed as it must be: a fault"), taken());
    }

    @Test
    void aSuccessorThatIsDyingIsToldByItsEnd() {
        wrongWith = "SUCCESSOR";
        dying = true;
        Upgrade u = upgrade(Transfer.COPY);
        u.ready(Role.SUCCESSOR, nowNs);
        assertEquals(List.of("audit SUCCESSOR"), taken());
        u.ended(Role.SUCCESSOR, "exited with status 4", nowNs);
        assertEquals(List.of("failed: the new process exited with status 4 before it was ready"), taken());
    }

    @Test
    void anOldOneThatCannotDrainServesOn() {
        Upgrade u = warmed(Transfer.COPY);
        taken();
        u.acknowledged(Upgrade.Asked.DRAIN, 1, nowNs);
        u.ended(Role.SUCCESSOR, "was killed", nowNs);
        assertEquals(
                List.of(
                        "kill SUCCESSOR",
                        "resume",
                        "failed: the old process could not finish what is under way at the host (status 1)"),
                taken());
    }

    /** It answered a moment before. */
    @Test
    void anOldOneThatHangsWhileItDrainsIsKilledToo() {
        Upgrade u = warmed(Transfer.COPY);
        taken();
        u.tick(u.nextDeadlineNs());
        u.ended(Role.OLD, "was killed by SIGKILL", nowNs);
        u.acknowledged(Upgrade.Asked.AWAY, 0, nowNs);
        assertEquals(List.of("silent 5000", "kill OLD", "away", "scrub", "assign"), taken());
    }

    @Test
    void anOldOneThatDiesWhileItDrainsIsReplacedByItsOwnVersion() {
        Upgrade u = warmed(Transfer.COPY);
        taken();
        u.ended(Role.OLD, "was killed by SIGSEGV", nowNs);
        assertEquals(List.of("kill SUCCESSOR"), taken());
        u.ended(Role.SUCCESSOR, "was killed", nowNs);
        assertEquals(List.of("replace", "failed: the old process was killed by SIGSEGV meanwhile"), taken());
    }

    @Test
    void anOldOneThatDiesWhileTheBoardLetsGoIsReplacedWhenItHas() {
        Upgrade u = leaving(Transfer.COPY);
        taken();
        u.ended(Role.OLD, "was killed by SIGSEGV", nowNs);
        assertEquals(List.of(), taken());
        u.acknowledged(Upgrade.Asked.AWAY, 0, nowNs);
        assertEquals(List.of("kill SUCCESSOR"), taken());
        u.ended(Role.SUCCESSOR, "was killed", nowNs);
        assertEquals(List.of("replace", "failed: the old process was killed by SIGSEGV meanwhile"), taken());
    }

    /** Stopped, or in an endless loop: it would not drain either, and the successor goes on with what it has committed. */
    @ParameterizedTest
    @EnumSource
    void anOldOneThatDoesNotAnswerIsKilledAndTheUpgradeGoesOn(Transfer transfer) {
        Upgrade u = asking(transfer);
        u.tick(u.nextDeadlineNs() - 1);
        assertEquals(List.of("audit SUCCESSOR", "ping"), taken());
        u.tick(u.nextDeadlineNs());
        assertEquals(List.of("silent 1000", "kill OLD"), taken());
        u.acknowledged(Upgrade.Asked.PING, 0, nowNs); // too late
        u.ended(Role.OLD, "was killed by SIGKILL", nowNs);
        assertEquals(List.of("away"), taken());
        u.acknowledged(Upgrade.Asked.AWAY, 0, nowNs);
        if (transfer == Transfer.EXPORT) {
            u.ready(Role.CONVERTER, nowNs);
            u.ended(Role.CONVERTER, "was killed", nowNs);
            assertEquals(List.of("scrub", "convert", "audit CONVERTER", "kill CONVERTER"), taken().subList(0, 4));
        } else {
            assertEquals(List.of("scrub", "assign"), taken());
        }
        u.ready(Role.SUCCESSOR, nowNs);
        u.acknowledged(Upgrade.Asked.BACK, 0, nowNs);
        List<String> end = taken();
        assertEquals(
                List.of("audit SUCCESSOR", "back", "adopt", "start", "done"), end.subList(end.size() - 5, end.size()));
    }

    @Test
    void whereNobodyIsAskedWhetherHeLivesItIsDrainedAtOnce() {
        Upgrade.Patience unasked = new Upgrade.Patience(
                PATIENCE.ready(),
                Duration.ZERO,
                PATIENCE.drain(),
                PATIENCE.board(),
                PATIENCE.assign(),
                PATIENCE.dying());
        Upgrade u = new Upgrade(Transfer.COPY, unasked, actions, nowNs);
        u.ready(Role.SUCCESSOR, nowNs);
        assertEquals(List.of("audit SUCCESSOR", "drain"), taken());
    }

    /** Nobody is left who could serve on: its own version is started anew. */
    @Test
    void afterAnOldOneThatDidNotAnswerEveryFailureIsTheOrdinaryReplacements() {
        Upgrade u = asking(Transfer.COPY);
        u.tick(u.nextDeadlineNs());
        taken();
        u.ended(Role.SUCCESSOR, "died", nowNs);
        assertEquals(List.of(), taken());
        u.ended(Role.OLD, "was killed by SIGKILL", nowNs);
        assertEquals(List.of("replace", "failed: the new process died before it served"), taken());

        u = asking(Transfer.COPY);
        u.tick(u.nextDeadlineNs());
        u.ended(Role.OLD, "was killed by SIGKILL", nowNs);
        u.acknowledged(Upgrade.Asked.AWAY, 0, nowNs);
        taken();
        u.ended(Role.SUCCESSOR, "exited with status 13", nowNs);
        assertEquals(List.of("replace", "failed: the new process exited with status 13"), taken());

        u = asking(Transfer.EXPORT);
        u.tick(u.nextDeadlineNs());
        taken();
        u.tick(u.nextDeadlineNs());
        List<String> end = taken();
        assertTrue(end.containsAll(List.of("kill SUCCESSOR", "kill CONVERTER")), end::toString);
        assertEquals(
                List.of("stuck", "failed: a process still exists after SIGKILL: it hangs in the kernel"),
                end.subList(2, 4));
    }

    static Stream<String> waysToLoseTheSuccessor() {
        return Stream.of("ends", "jail", "refused", "silent");
    }

    /** It cannot read the state, it dies, it never answers, it fails the audit. */
    @ParameterizedTest
    @MethodSource("waysToLoseTheSuccessor")
    void aSuccessorThatIsLostWithTheDeviceGivesItBack(String way) {
        Upgrade u;
        String why;
        if (way.equals("refused")) {
            refuses = "assign";
            u = leaving(Transfer.MIGRATE);
            taken();
            u.acknowledged(Upgrade.Asked.AWAY, 0, nowNs);
            assertEquals(List.of("scrub", "assign", "kill SUCCESSOR"), taken());
            u.ended(Role.SUCCESSOR, "was killed", nowNs);
            why = "no assign";
        } else {
            u = assigning(Transfer.MIGRATE);
            taken();
            switch (way) {
                case "ends" -> {
                    u.ended(Role.SUCCESSOR, "exited with status 13 (state rejected)", nowNs);
                    why = "the new process exited with status 13 (state rejected)";
                }
                case "jail" -> {
                    wrongWith = "SUCCESSOR";
                    u.ready(Role.SUCCESSOR, nowNs);
                    assertEquals(List.of("audit SUCCESSOR", "kill SUCCESSOR"), taken());
                    u.ended(Role.SUCCESSOR, "was killed", nowNs);
                    why = "the new process is not jailed as it must be: a fault";
                }
                default -> {
                    u.tick(u.nextDeadlineNs());
                    assertEquals(List.of("kill SUCCESSOR"), taken());
                    u.ended(Role.SUCCESSOR, "was killed", nowNs);
                    why = "the new process did not take the state within 6 s";
                }
            }
        }
        assertEquals(List.of("scrub", "back"), taken());
        assertEquals(Upgrade.Step.REJOINING, u.step());
        u.acknowledged(Upgrade.Asked.BACK, 0, nowNs);
        assertEquals(List.of("resume", "failed: " + why), taken());
    }

    @Test
    void aConverterThatFailsGivesTheDeviceBack() {
        Upgrade u = converting();
        taken();
        u.ended(Role.CONVERTER, "exited with status 13 (state rejected)", nowNs);
        assertEquals(List.of("kill SUCCESSOR"), taken());
        u.ended(Role.SUCCESSOR, "was killed", nowNs);
        assertEquals(List.of("scrub", "back"), taken());
        u.acknowledged(Upgrade.Asked.BACK, 0, nowNs);
        assertEquals("resume", taken().getFirst());
    }

    @Test
    void anOldOneThatDiesWhileTheSuccessorIsTriedIsReplacedByItsOwnVersion() {
        Upgrade u = assigning(Transfer.COPY);
        taken();
        u.ended(Role.OLD, "was killed by SIGKILL", nowNs);
        u.ended(Role.SUCCESSOR, "was killed", nowNs);
        assertEquals(
                List.of("kill SUCCESSOR", "replace", "failed: the old process was killed by SIGKILL meanwhile"),
                taken());
    }

    @Test
    void aSuccessorThatDiesBeforeItServesLeavesTheDeviceToTheOrdinaryReplacement() {
        Upgrade u = retiring(Transfer.COPY);
        taken();
        u.ended(Role.SUCCESSOR, "was killed by SIGKILL", nowNs);
        assertEquals(List.of(), taken());
        u.ended(Role.OLD, "was killed", nowNs);
        assertEquals(List.of("replace", "failed: the new process was killed by SIGKILL before it served"), taken());

        u = retiring(Transfer.COPY);
        u.ended(Role.OLD, "was killed", nowNs);
        taken();
        u.ended(Role.SUCCESSOR, "was killed by SIGKILL", nowNs);
        assertEquals(List.of("replace", "failed: the new process was killed by SIGKILL before it served"), taken());
    }

    @Test
    void anOldOneThatDiesWhenItIsToServeAgainIsReplaced() {
        Upgrade u = assigning(Transfer.COPY);
        u.ended(Role.SUCCESSOR, "died", nowNs);
        assertEquals(Upgrade.Step.REJOINING, u.step());
        taken();
        u.ended(Role.OLD, "was killed", nowNs);
        assertEquals(List.of("replace", "failed: the new process died"), taken());
    }

    @Test
    void aBoardThatDoesNotAnswerEndsTheMachine() {
        for (Upgrade u : List.of(leaving(Transfer.COPY), returning(), rejoining())) {
            taken();
            u.tick(u.nextDeadlineNs());
            assertEquals(List.of("give up", "failed: the vCPU process did not answer within 2 s"), taken());
        }
        Upgrade u = leaving(Transfer.COPY);
        taken();
        u.acknowledged(Upgrade.Asked.AWAY, 3, nowNs);
        assertEquals("give up", taken().getFirst());
    }

    private Upgrade returning() {
        Upgrade u = retiring(Transfer.COPY);
        u.ended(Role.OLD, "was killed", nowNs);
        return u;
    }

    private Upgrade rejoining() {
        Upgrade u = assigning(Transfer.COPY);
        u.ended(Role.SUCCESSOR, "died", nowNs);
        return u;
    }

    @Test
    void aProcessThatSurvivesSigkillBreaksTheDevice() {
        Upgrade u = retiring(Transfer.COPY);
        taken();
        u.tick(u.nextDeadlineNs());
        assertEquals(
                List.of(
                        "kill SUCCESSOR",
                        "stuck",
                        "failed: a process still exists after SIGKILL: it hangs in the kernel"),
                taken());

        u = assigning(Transfer.COPY);
        u.tick(u.nextDeadlineNs());
        assertEquals(Upgrade.Step.UNDOING, u.step());
        taken();
        u.tick(u.nextDeadlineNs());
        assertEquals(List.of("kill SUCCESSOR", "stuck"), taken().subList(0, 2));
    }

    /** Whatever comes in whatever order: it ends, once, and nothing is done after the end. */
    @Test
    void anyOrderOfEventsEndsOnce() {
        long seed = TestSeed.next();
        java.util.Random random = new java.util.Random(seed);
        for (int round = 0; round < 20_000; round++) {
            done.clear();
            wrongWith = random.nextInt(10) == 0 ? "SUCCESSOR" : "";
            dying = random.nextBoolean();
            refuses = random.nextInt(10) == 0 ? "assign" : "";
            Upgrade u = upgrade(List.of(Transfer.values()).get(random.nextInt(3)));
            for (int i = 0; i < 200 && u.step() != Upgrade.Step.OVER; i++) {
                nowNs++;
                switch (random.nextInt(12)) {
                    case 0 -> u.ended(List.of(Role.values()).get(random.nextInt(3)), "died", nowNs);
                    case 1 -> u.tick(nowNs);
                    case 2 -> {
                        nowNs = Math.max(nowNs, u.nextDeadlineNs());
                        u.tick(nowNs);
                    }
                    case 3, 4, 5, 6 -> u.ready(List.of(Role.values()).get(random.nextInt(3)), nowNs);
                    default ->
                        u.acknowledged(
                                List.of(Upgrade.Asked.values()).get(random.nextInt(4)),
                                random.nextInt(20) == 0 ? 1 : 0,
                                nowNs);
                }
            }
            String all = "seed " + seed + ": " + done;
            assertEquals(Upgrade.Step.OVER, u.step(), all);
            List<String> ends = done.stream()
                    .filter(d -> d.equals("done") || d.startsWith("failed"))
                    .toList();
            assertEquals(1, ends.size(), all);
            assertTrue(done.getLast().equals(ends.getFirst()), all);
            // The one that serves in the end is exactly one.
            long servers = done.stream()
                    .filter(d -> List.of("start", "replace", "give up", "stuck").contains(d))
                    .count();
            assertTrue(servers <= 1, all);
            assertEquals(done.contains("start"), ends.getFirst().equals("done"), all);
            assertTrue(!done.contains("start") || done.contains("kill OLD"), all);
            int size = done.size();
            u.ready(Role.SUCCESSOR, nowNs);
            u.ended(Role.OLD, "died", nowNs);
            u.acknowledged(Upgrade.Asked.BACK, 0, nowNs);
            u.tick(Long.MAX_VALUE);
            assertEquals(size, done.size(), all);
        }
    }
}
