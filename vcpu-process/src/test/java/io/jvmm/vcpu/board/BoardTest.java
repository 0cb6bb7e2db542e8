package io.jvmm.vcpu.board;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.Allocations;
import io.jvmm.ipc.counters.BoardCounter;
import io.jvmm.ipc.link.LinkHealth;
import io.jvmm.ipc.message.PciFunction;
import io.jvmm.ipc.message.PowerAction;
import io.jvmm.ipc.message.PowerOrigin;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.vcpu.board.pci.FakeEngine;
import io.jvmm.vcpu.board.pci.PciBus;
import io.jvmm.vcpu.board.pci.PciSlot;
import io.jvmm.vcpu.engine.ExitKind;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(300)
class BoardTest {
    private static final long PATIENT_NS = 10_000_000_000L;

    private static PciFunction function(int vectors) {
        return new PciFunction(0, 0x1AF4, 0x1041, 0x1AF4, 1, 0x020000, 1, vectors, 1, 4096, 0, 4, 8);
    }

    /** Slot 4, with a line for each of two vectors. */
    private static PciBus bus(BoardDevice device) {
        final FakeEngine engine = new FakeEngine();
        final List<PciSlot.Vector> vectors = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            final EventFd line = EventFd.create();
            vectors.add(new PciSlot.Vector(line, engine.attachMessage(line.fd())));
        }
        return new PciBus(
                List.of(new PciSlot(4, device, 0, vectors, EventFd.create(), EventFd.create())),
                engine,
                0,
                false,
                new Counters());
    }

    @Test
    void declarationsOfADeviceWithoutASlotAreViolations() {
        try (BoardRig rig = new BoardRig(false, PATIENT_NS, new ScriptedVcpu(0, false)).up()) {
            rig.device.pciFunction(function(1));
            rig.hear("violation 7 UNKNOWN_MESSAGE");
        }
    }

    @Test
    void whatHasBeenDeclaredIsThereAtStartAndMayOnlyBeRepeatedAfterwards() {
        final List<PciBus> made = new ArrayList<>();
        try (BoardRig rig = new BoardRig(new ScriptedVcpu(0, false), PATIENT_NS, device -> {
            made.add(bus(device));
            return made.getFirst();
        })) {
            rig.device.pciFunction(function(2));
            rig.device.pciCapability(0, new byte[] {9, 0, 16, 1, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0});
            rig.up();
            rig.send(SupervisorRequestType.START);
            rig.hear("ack START 0");
            rig.hear("first");
            assertTrue(rig.events.stream().noneMatch(e -> e.startsWith("violation")));
            // The successor of a process that has died says the same; another one does not.
            rig.device.pciFunction(function(2));
            rig.device.pciCapability(0, new byte[] {9, 0, 16, 1, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0});
            rig.send(SupervisorRequestType.PAUSE);
            rig.hear("ack PAUSE 0");
            assertTrue(rig.events.stream().noneMatch(e -> e.startsWith("violation")));
            rig.device.pciFunction(function(1));
            rig.hear("violation 7 UNKNOWN_MESSAGE");
            rig.await(
                    "the report",
                    () -> rig.events.stream()
                            .anyMatch(e -> e.contains("declares itself differently from before the guest started")));
        }
    }

    @Test
    void nonsenseStopsTheMachineBeforeItsFirstInstruction() {
        final ScriptedVcpu vcpu = new ScriptedVcpu(0, false);
        try (BoardRig rig = new BoardRig(vcpu, PATIENT_NS, BoardTest::bus).up()) {
            rig.device.pciFunction(function(3));
            rig.send(SupervisorRequestType.START);
            rig.hear("stopped ENGINE_ERROR vcpu 0 rip 0 detail 0");
            rig.hear("log ERROR PCI: dev function 0 (slot 4): declares 3 MSI-X vectors and has been given 2 lines");
            assertEquals(0, vcpu.runs);
            rig.send(SupervisorRequestType.START);
            rig.hear("ack START 1");
        }
    }

    @Test
    void aDeviceThatSaysNothingIsMissedAtStart() {
        try (BoardRig rig = new BoardRig(new ScriptedVcpu(0, false), PATIENT_NS, BoardTest::bus).up()) {
            rig.send(SupervisorRequestType.START);
            rig.hear("log ERROR PCI: dev function 0 (slot 4): has not declared itself");
        }
    }

    @Test
    void theGuestWaitsForStartAndReachesItsDevice() throws InterruptedException {
        final List<String> writes = new ArrayList<>();
        final ScriptedVcpu vcpu = new ScriptedVcpu(
                0, false, ScriptedVcpu.out(0x101, 1, 42), ScriptedVcpu.in(0x105, 1), ScriptedVcpu.in(0x80, 2));
        try (BoardRig rig = new BoardRig(true, PATIENT_NS, vcpu).up().echoing(writes)) {
            assertEquals(0, vcpu.runs);
            rig.send(SupervisorRequestType.START);
            rig.hear("ack START 0");
            rig.hear("first");
            rig.await("the script's end", () -> vcpu.scriptDone);
            assertEquals(List.of("2+1=42"), writes);
            assertEquals(2, vcpu.completions);
            assertEquals(0xFFFF, vcpu.completed[0]);
            rig.send(SupervisorRequestType.START);
            rig.hear("ack START 1");
            rig.send(SupervisorRequestType.POWER_BUTTON);
            rig.hear("ack POWER_BUTTON 2");
            rig.send(SupervisorRequestType.STOP);
            rig.hear("ack STOP 0");
            rig.boardThread().join();
            assertTrue(rig.end() == Board.End.STOPPED);
            assertEquals(2, rig.board.counter(BoardCounter.PIO_READS));
            assertEquals(1, rig.board.counter(BoardCounter.UNCLAIMED_READS));
        }
    }

    @Test
    void pauseHoldsEveryVcpuAndResumeLetsThemGo() throws InterruptedException {
        final ScriptedVcpu a = new ScriptedVcpu(0, true, ScriptedVcpu.in(0x80, 1));
        final ScriptedVcpu b = new ScriptedVcpu(1, true, ScriptedVcpu.in(0x81, 1));
        try (BoardRig rig = new BoardRig(true, PATIENT_NS, a, b).up()) {
            rig.send(SupervisorRequestType.START);
            rig.await("both run", () -> a.runs > 10 && b.runs > 10);
            for (int i = 0; i < 20; i++) {
                rig.events.clear();
                rig.send(SupervisorRequestType.PAUSE);
                rig.hear("ack PAUSE 0");
                final long runsA = a.runs;
                final long runsB = b.runs;
                Thread.sleep(1);
                assertEquals(runsA, a.runs);
                assertEquals(runsB, b.runs);
                rig.send(SupervisorRequestType.RESUME);
                rig.await("both run again", () -> a.runs > runsA && b.runs > runsB);
            }
        }
    }

    @Test
    void aVcpuThatDoesNotEndIsNamedAndStopIsNotDone() {
        final ScriptedVcpu vcpu = new ScriptedVcpu(0, false);
        try (BoardRig rig = new BoardRig(true, PATIENT_NS, vcpu).up()) {
            rig.send(SupervisorRequestType.START);
            rig.await("the vCPU sleeps", () -> vcpu.scriptDone);
            vcpu.deaf = true;
            rig.send(SupervisorRequestType.STOP);
            rig.hear("ack STOP 3");
            rig.hear("log ERROR vcpu 0: its thread still runs 1500 ms after STOP");
        } finally {
            vcpu.deaf = false;
            vcpu.kick();
        }
    }

    @Test
    void theGuestSwitchesItselfOff() throws InterruptedException {
        final ScriptedVcpu vcpu = new ScriptedVcpu(0, true, ScriptedVcpu.in(0x80, 1));
        try (BoardRig rig = new BoardRig(true, PATIENT_NS, vcpu).up()) {
            rig.send(SupervisorRequestType.START);
            rig.hear("first");
            rig.device.power(PowerAction.POWER_OFF, PowerOrigin.ACPI);
            rig.hear("stopped POWERED_OFF vcpu 0 rip 0 detail 1");
            final long runs = vcpu.runs;
            Thread.sleep(2);
            assertEquals(runs, vcpu.runs);
            rig.send(SupervisorRequestType.RESUME);
            rig.hear("ack RESUME 1");
        }
    }

    @Test
    void theGuestResetsItself() throws InterruptedException {
        try (BoardRig rig = new BoardRig(true, PATIENT_NS, new ScriptedVcpu(0, false)).up()) {
            rig.send(SupervisorRequestType.START);
            rig.device.power(PowerAction.RESET, PowerOrigin.I8042);
            rig.hear("stopped RESET vcpu 0 rip 0 detail 2");
        }
    }

    @Test
    void aDeviceThatHasNoSayInPowerIsCutOff() throws InterruptedException {
        final ScriptedVcpu vcpu = new ScriptedVcpu(0, true, ScriptedVcpu.in(0x100, 1));
        try (BoardRig rig = new BoardRig(false, PATIENT_NS, vcpu).up()) {
            rig.send(SupervisorRequestType.START);
            rig.device.power(PowerAction.POWER_OFF, PowerOrigin.ACPI);
            rig.hear("violation 7 UNKNOWN_MESSAGE");
            assertEquals(LinkHealth.SEVERED, rig.boardEnd.health());
            final long runs = vcpu.runs;
            rig.await("the guest goes on, reading all ones", () -> vcpu.runs > runs + 10);
            assertEquals(0xFF, vcpu.completed[0]);
            assertTrue(rig.events.stream().noneMatch(e -> e.startsWith("stopped")), rig.events.toString());
        }
    }

    @Test
    void aDeviceThatNeverAnswersIsReportedOnceAndCostsTheGuestOneWait() throws InterruptedException {
        final ScriptedVcpu vcpu = new ScriptedVcpu(0, true, ScriptedVcpu.in(0x100, 1), ScriptedVcpu.in(0x80, 1));
        try (BoardRig rig = new BoardRig(true, 50_000_000, vcpu).up()) {
            rig.send(SupervisorRequestType.START);
            rig.hear("hung 7");
            final long runs = vcpu.runs;
            rig.await("many more reads", () -> vcpu.runs > runs + 1000);
            assertEquals(0xFF, vcpu.completed[0]);
            rig.send(SupervisorRequestType.STOP);
            rig.hear("ack STOP 0");
            assertEquals(
                    1, rig.events.stream().filter(e -> e.startsWith("hung")).count());
            assertTrue(rig.events.contains("counter " + BoardCounter.DEVICES_HUNG.number()));
        }
    }

    @Test
    void aTripleFaultStopsTheGuestAndTellsItsRegisters() throws InterruptedException {
        final ScriptedVcpu a = new ScriptedVcpu(0, false, ScriptedVcpu.of(ExitKind.SHUTDOWN));
        final ScriptedVcpu b = new ScriptedVcpu(1, true, ScriptedVcpu.in(0x80, 1));
        try (BoardRig rig = new BoardRig(true, PATIENT_NS, a, b).up()) {
            rig.send(SupervisorRequestType.START);
            rig.hear("stopped CRASHED vcpu 0 rip 1234 detail 0");
            assertTrue(rig.events.stream().anyMatch(e -> e.contains("triple fault")), rig.events.toString());
            assertTrue(rig.events.stream().anyMatch(e -> e.contains("RIP")), rig.events.toString());
            final long runs = b.runs;
            Thread.sleep(2);
            assertEquals(runs, b.runs);
        }
    }

    /** What the flood costs is bounded by the budget, and the supervisor is answered all the while. */
    @Test
    void aFloodingDeviceIsThrottled() throws InterruptedException {
        try (BoardRig rig = new BoardRig(true, PATIENT_NS, new ScriptedVcpu(0, false)).up()) {
            rig.send(SupervisorRequestType.START);
            rig.hear("ack START 0");
            final boolean[] done = new boolean[1];
            final Thread flood = new Thread(() -> {
                while (!Thread.currentThread().isInterrupted()) {
                    rig.device.guestError(1, 2);
                    rig.deviceEventDoorbell.signal();
                }
                done[0] = true;
            });
            final long start = System.nanoTime();
            flood.start();
            rig.await("throttled", () -> rig.board.counter(BoardCounter.THROTTLED) > 5);
            rig.send(SupervisorRequestType.PAUSE);
            rig.hear("ack PAUSE 0");
            final long taken = rig.board.counter(BoardCounter.DEVICE_EVENTS);
            final long periods = (System.nanoTime() - start) / DeviceListener.PERIOD_NS + 2;
            assertTrue(
                    taken <= periods * DeviceListener.UNITS_PER_PERIOD, taken + " events in " + periods + " periods");
            flood.interrupt();
            flood.join();
        }
    }

    /** There is something in the ring, for ever; waiting for it must not cost a processor. */
    @Test
    void aRecordThatIsNeverFinishedLetsTheBoardSleep() throws InterruptedException {
        try (BoardRig rig = new BoardRig(true, PATIENT_NS, new ScriptedVcpu(0, false)).up()) {
            rig.send(SupervisorRequestType.START);
            rig.hear("ack START 0");
            rig.eventRing().tryClaim(4, 16);
            rig.deviceEventDoorbell.signal();
            Thread.sleep(50);
            final long start = System.nanoTime();
            final long wakeUps = rig.board.counter(BoardCounter.WAKE_UPS);
            Thread.sleep(200);
            final long more = rig.board.counter(BoardCounter.WAKE_UPS) - wakeUps;
            final long periods = (System.nanoTime() - start) / DeviceListener.PERIOD_NS + 1;
            assertTrue(more <= 2 * periods * DeviceListener.UNITS_PER_PERIOD, "the board spins");
            rig.send(SupervisorRequestType.PAUSE);
            rig.hear("ack PAUSE 0");
            assertEquals(0, rig.board.counter(BoardCounter.DEVICE_EVENTS));
        }
    }

    /** A doorbell rung without a word must not keep the board awake either. */
    @Test
    void anEmptyDoorbellIsThrottledToo() throws InterruptedException {
        try (BoardRig rig = new BoardRig(true, PATIENT_NS, new ScriptedVcpu(0, false)).up()) {
            rig.send(SupervisorRequestType.START);
            rig.hear("ack START 0");
            final Thread flood = new Thread(() -> {
                while (!Thread.currentThread().isInterrupted()) {
                    rig.deviceEventDoorbell.signal();
                }
            });
            flood.start();
            rig.await("throttled", () -> rig.board.counter(BoardCounter.THROTTLED) > 3);
            flood.interrupt();
            flood.join();
            assertEquals(0, rig.board.counter(BoardCounter.DEVICE_EVENTS));
        }
    }

    @Test
    void anIdleBoardSleeps() throws InterruptedException {
        try (BoardRig rig = new BoardRig(true, PATIENT_NS, new ScriptedVcpu(0, false)).up()) {
            rig.send(SupervisorRequestType.START);
            rig.hear("first");
            // On a busy host the board may take a while to come to rest; one that never rests shows in every window.
            long least = Long.MAX_VALUE;
            for (int window = 0; window < 20 && least > 2; window++) {
                final long wakeUps = rig.board.counter(BoardCounter.WAKE_UPS);
                Thread.sleep(300);
                least = Math.min(least, rig.board.counter(BoardCounter.WAKE_UPS) - wakeUps);
            }
            assertTrue(least <= 2, least + " wake-ups in 300 ms");
        }
    }

    @Test
    void servingAllocatesNothing() throws InterruptedException {
        final ScriptedVcpu vcpu = new ScriptedVcpu(0, true, ScriptedVcpu.in(0x105, 1), ScriptedVcpu.out(0x101, 1, 42));
        final List<String> nothing = new ArrayList<>() {
            private static final long serialVersionUID = 1L;

            @Override
            public boolean add(String s) {
                return true;
            }
        };
        try (BoardRig rig = new BoardRig(true, PATIENT_NS, vcpu).up().echoing(nothing)) {
            rig.send(SupervisorRequestType.START);
            rig.hear("first");
            final Runnable window = () -> {
                for (int i = 0; i < 200; i++) {
                    rig.device.guestError(1, i);
                }
                final long until = vcpu.runs + 20_000;
                rig.await("20000 exits", () -> vcpu.runs > until);
            };
            final long warm = vcpu.runs + 100_000;
            rig.await("warm", () -> vcpu.runs > warm);
            assertEquals(0, Allocations.leastIn(window, thread("vcpu-0")), "vCPU thread");
            final long board = Allocations.leastIn(window, rig.boardThread());
            assertTrue(board < 4096, "board thread allocates " + board + " beside one log line a second");
        }
    }

    @Test
    void stopEndsAVcpuThatWaitsForADeadDevice() throws InterruptedException {
        final ScriptedVcpu vcpu =
                new ScriptedVcpu(0, true, new ScriptedVcpu.Step(ExitKind.PIO_READ, 0x100, 1, 4000, 0));
        try (BoardRig rig = new BoardRig(true, 300_000_000, vcpu).up()) {
            rig.send(SupervisorRequestType.START);
            rig.hear("first");
            rig.send(SupervisorRequestType.STOP);
            rig.hear("ack STOP 0");
            rig.boardThread().join();
            assertFalse(Thread.getAllStackTraces().keySet().stream()
                    .anyMatch(t -> t.getName().equals("vcpu-0") && t.isAlive()));
        }
    }

    /** Each answer comes in time; without a deadline for the exit its 4000 items would take 200 s. */
    @Test
    void pauseIsNotHeldUpByADeviceThatAnswersEachItemJustInTime() {
        final ScriptedVcpu vcpu =
                new ScriptedVcpu(0, true, new ScriptedVcpu.Step(ExitKind.PIO_READ, 0x100, 1, 4000, 0));
        try (BoardRig rig = new BoardRig(true, 2_000_000_000L, vcpu)) {
            rig.answerDelayNs = 50_000_000;
            rig.up().echoing(new ArrayList<>());
            rig.send(SupervisorRequestType.START);
            rig.hear("first");
            rig.send(SupervisorRequestType.PAUSE);
            rig.hear("ack PAUSE 0");
            rig.hear("hung 7");
            assertEquals(LinkHealth.HUNG, rig.boardEnd.health());
            assertEquals(0xFF, vcpu.completed[3999]);
            rig.answerDelayNs = 0;
        }
    }

    @Test
    void aVcpuThatCannotBeBoundFailsTheStartWithTheCause() {
        final ScriptedVcpu a = new ScriptedVcpu(0, false);
        final ScriptedVcpu b = new ScriptedVcpu(1, false);
        final SysException cause = SysException.of("block the kick signal", Errno.EPERM.number());
        b.bindFailure = cause;
        try (BoardRig rig = new BoardRig(true, PATIENT_NS, a, b)) {
            final VcpuStartException e = assertThrows(VcpuStartException.class, rig.board::startThreads);
            assertEquals("vcpu 1 cannot be started: " + cause.getMessage(), e.getMessage());
            assertSame(cause, e.getCause());
        }
    }

    @Test
    void aThreadThatNeverBeginsIsNotWaitedForWithoutBound() {
        final VcpuStartException e =
                assertThrows(VcpuStartException.class, () -> Board.awaitAll(new CountDownLatch(2), 1));
        assertEquals("2 vCPU threads have not begun within 1 ms", e.getMessage());
    }

    private static Thread thread(String name) {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(t -> t.getName().equals(name))
                .max(Comparator.comparingLong(Thread::threadId))
                .orElseThrow();
    }
}
