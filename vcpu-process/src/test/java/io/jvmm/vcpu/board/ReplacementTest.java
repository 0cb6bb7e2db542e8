package io.jvmm.vcpu.board;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.counters.BoardCounter;
import io.jvmm.ipc.link.DeviceEndpoint;
import io.jvmm.ipc.link.LinkHealth;
import io.jvmm.ipc.link.LinkRenewal;
import io.jvmm.ipc.message.DeviceRequestType;
import io.jvmm.ipc.message.PowerAction;
import io.jvmm.ipc.message.PowerOrigin;
import io.jvmm.ipc.message.SupervisorRequestLayout;
import io.jvmm.ipc.message.SupervisorRequestType;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The supervisor replaces a device's process under a running guest: PROTOCOL.md, "Replacing a device". The rig's device has index 7. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class ReplacementTest {
    private static final long PATIENT_NS = 20_000_000_000L;
    private static final int INDEX = 7;

    private static void away(BoardRig rig, int reason) {
        rig.send(SupervisorRequestType.DEVICE_AWAY, SupervisorRequestLayout.away(INDEX, reason), System.nanoTime());
    }

    private static void back(BoardRig rig) {
        rig.send(SupervisorRequestType.DEVICE_BACK, INDEX, 0);
    }

    private static void hear(BoardRig rig, String event) {
        rig.hear(event);
        rig.events.remove(event);
    }

    /** Plays a successor until the vCPU has gone through its script that often again. */
    private static void serve(BoardRig rig, DeviceEndpoint device, ScriptedVcpu vcpu, long more) {
        final long until = vcpu.runs + more;
        serveUntil(rig, device, () -> vcpu.runs > until);
    }

    private static void serveUntil(BoardRig rig, DeviceEndpoint device, BooleanSupplier enough) {
        rig.await("what is served for", () -> {
            while (device.next()) {
                if (device.request() == DeviceRequestType.READ) {
                    device.reply(device.offset() * 3L);
                }
                device.release();
            }
            return enough.getAsBoolean();
        });
    }

    private static ScriptedVcpu reader() {
        return new ScriptedVcpu(0, true, ScriptedVcpu.in(0x105, 1), ScriptedVcpu.out(0x101, 1, 42));
    }

    @Test
    void theGuestGoesOnWithTheSuccessor() {
        final ScriptedVcpu vcpu = reader();
        try (BoardRig rig = new BoardRig(false, PATIENT_NS, vcpu).up()) {
            rig.send(SupervisorRequestType.START);
            serve(rig, rig.device, vcpu, 100);
            for (int life = 0; life < 20; life++) {
                away(rig, life % 3 == 2 ? 1 : 0);
                hear(rig, "ack DEVICE_AWAY 0");
                final DeviceEndpoint successor;
                if (life % 3 == 2) {
                    LinkRenewal.whole(rig.deviceLink);
                    successor = rig.successor(0);
                } else {
                    LinkRenewal.events(rig.deviceLink);
                    successor = rig.successor(rig.position());
                }
                successor.guestError(1, life);
                back(rig);
                hear(rig, "ack DEVICE_BACK 0");
                serve(rig, successor, vcpu, 100);
                assertEquals(15, vcpu.completed[0]);
                rig.await("the stall", () -> rig.events.stream().anyMatch(e -> e.startsWith("stall 7 ")));
                assertTrue(rig.lastStallNs > 0 || rig.events.contains("stall 7 0"), rig.events.toString());
                rig.events.removeIf(e -> e.startsWith("stall"));
                final long events = life + 1L;
                rig.await("its events", () -> rig.board.counter(BoardCounter.DEVICE_EVENTS) == events);
            }
            assertEquals(20, rig.board.counter(BoardCounter.DEVICES_AWAY));
            assertTrue(rig.events.stream().noneMatch(e -> e.startsWith("hung") || e.startsWith("violation")));
        }
    }

    @Test
    void whatTheDeadProcessSaidIsHeard() {
        try (BoardRig rig = new BoardRig(true, PATIENT_NS, reader()).up()) {
            rig.send(SupervisorRequestType.START);
            rig.hear("first");
            rig.device.power(PowerAction.RESET, PowerOrigin.CF9);
            away(rig, 0);
            rig.hear("ack DEVICE_AWAY 0");
            // Its vCPU waits for the device and does not hold the end up.
            rig.hear("stopped RESET vcpu 0 rip 0 detail 3");
        }
    }

    /** A flood does not keep the supervisor waiting, and what it cost is on the device's account. */
    @Test
    void aFullRingIsHeardOutAtOnceAndPaidFor() {
        try (BoardRig rig = new BoardRig(false, PATIENT_NS, new ScriptedVcpu(0, false)).up()) {
            rig.send(SupervisorRequestType.START);
            rig.hear("first");
            long sent = 0;
            for (int life = 0; life < 5; life++) {
                final DeviceEndpoint device = life == 0 ? rig.device : rig.successor(0);
                while (device.guestError(1, sent)) {
                    sent++;
                }
                away(rig, 0);
                hear(rig, "ack DEVICE_AWAY 0");
                final long all = sent;
                assertEquals(all, rig.board.counter(BoardCounter.DEVICE_EVENTS));
                LinkRenewal.events(rig.deviceLink);
                back(rig);
                hear(rig, "ack DEVICE_BACK 0");
            }
        }
    }

    @Test
    void aHungDeviceIsToldOfOnceInEachLife() {
        final ScriptedVcpu vcpu = reader();
        try (BoardRig rig = new BoardRig(false, 50_000_000, vcpu).up()) {
            rig.send(SupervisorRequestType.START);
            for (int life = 0; life < 3; life++) {
                hear(rig, "hung 7");
                away(rig, 1);
                hear(rig, "ack DEVICE_AWAY 0");
                LinkRenewal.whole(rig.deviceLink);
                final DeviceEndpoint successor = rig.successor(0);
                back(rig);
                hear(rig, "ack DEVICE_BACK 0");
                serve(rig, successor, vcpu, 50);
            }
        }
    }

    @Test
    void aDeviceThatIsOnlyWrittenToHangsToo() {
        final ScriptedVcpu vcpu = new ScriptedVcpu(0, false, ScriptedVcpu.out(0x101, 1, 42));
        try (BoardRig rig = new BoardRig(false, 50_000_000, vcpu).up()) {
            rig.send(SupervisorRequestType.START);
            rig.hear("hung 7");
            away(rig, 0);
            hear(rig, "ack DEVICE_AWAY 0");
            LinkRenewal.events(rig.deviceLink);
            final DeviceEndpoint successor = rig.successor(0);
            back(rig);
            hear(rig, "ack DEVICE_BACK 0");
            rig.await("the write arrives", successor::next);
            assertEquals(42, successor.value());
            successor.release();
            hear(rig, "stall 7 1");
        }
    }

    @Test
    void aViolationIsToldAndTheSuccessorOfALiarIsTrusted() {
        final ScriptedVcpu vcpu = reader();
        try (BoardRig rig = new BoardRig(false, PATIENT_NS, vcpu).up()) {
            rig.send(SupervisorRequestType.START);
            for (int life = 0; life < 3; life++) {
                final DeviceEndpoint liar = life == 0 ? rig.device : rig.successor(0);
                liar.power(PowerAction.POWER_OFF, PowerOrigin.ACPI);
                hear(rig, "violation 7 UNKNOWN_MESSAGE");
                away(rig, 1);
                hear(rig, "ack DEVICE_AWAY 0");
                LinkRenewal.whole(rig.deviceLink);
                back(rig);
                hear(rig, "ack DEVICE_BACK 0");
            }
            serve(rig, rig.successor(0), vcpu, 50);
            assertEquals(15, vcpu.completed[0]);
        }
    }

    /** It is a vCPU that finds the request ring spoilt; it waits for the successor, and the supervisor is told meanwhile. */
    @Test
    void aSpoiltRequestRingIsToldAtOnceAndRenewed() {
        final ScriptedVcpu vcpu = new ScriptedVcpu(0, false, ScriptedVcpu.in(0x105, 1));
        try (BoardRig rig = new BoardRig(false, PATIENT_NS, vcpu).up()) {
            rig.spoilRequestTail();
            rig.send(SupervisorRequestType.START);
            hear(rig, "violation 7 PRODUCER_RING");
            away(rig, 1);
            hear(rig, "ack DEVICE_AWAY 0");
            LinkRenewal.whole(rig.deviceLink);
            final DeviceEndpoint successor = rig.successor(0);
            back(rig);
            serveUntil(rig, successor, () -> vcpu.scriptDone);
            assertEquals(15, vcpu.completed[0], "not all ones: it was told long before the vCPU gave up");
            hear(rig, "stall 7 1");
        }
    }

    @Test
    void requestsThatMakeNoSenseAreAnswered() {
        try (BoardRig rig = new BoardRig(false, PATIENT_NS, new ScriptedVcpu(0, false)).up()) {
            rig.send(SupervisorRequestType.PING);
            hear(rig, "ack PING 0");
            back(rig);
            hear(rig, "ack DEVICE_BACK 1");
            for (int index : new int[] {-1, 0, 8, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
                rig.send(SupervisorRequestType.DEVICE_AWAY, SupervisorRequestLayout.away(index, 0), System.nanoTime());
                hear(rig, "ack DEVICE_AWAY 2");
                rig.send(SupervisorRequestType.DEVICE_BACK, Integer.toUnsignedLong(index), 0);
                hear(rig, "ack DEVICE_BACK 2");
                rig.send(SupervisorRequestType.DEVICE_BROKEN, Integer.toUnsignedLong(index), 0);
                hear(rig, "ack DEVICE_BROKEN 2");
            }
            // Before START, twice, with another reason.
            away(rig, 0);
            hear(rig, "ack DEVICE_AWAY 0");
            away(rig, 0);
            hear(rig, "ack DEVICE_AWAY 0");
            away(rig, 1);
            hear(rig, "ack DEVICE_AWAY 0");
            assertEquals(LinkHealth.RENEWING, rig.boardEnd.health());
            rig.send(SupervisorRequestType.START);
            hear(rig, "ack START 0");
            back(rig);
            hear(rig, "ack DEVICE_BACK 0");
            back(rig);
            hear(rig, "ack DEVICE_BACK 1");
            rig.send(SupervisorRequestType.DEVICE_BROKEN, INDEX, 0);
            hear(rig, "ack DEVICE_BROKEN 0");
            rig.send(SupervisorRequestType.DEVICE_BROKEN, INDEX, 0);
            hear(rig, "ack DEVICE_BROKEN 0");
            away(rig, 0);
            hear(rig, "ack DEVICE_AWAY 1");
            back(rig);
            hear(rig, "ack DEVICE_BACK 1");
            assertEquals(LinkHealth.BROKEN, rig.boardEnd.health());
            assertEquals(
                    1, rig.events.stream().filter(e -> e.startsWith("stall")).count());
        }
    }

    /** A vCPU waits for the successor: PAUSE is acknowledged when it has come, and before what was asked later. */
    @Test
    void pauseWaitsForTheSuccessorAndDoesNotKeepItAway() {
        final ScriptedVcpu vcpu = reader();
        try (BoardRig rig = new BoardRig(false, PATIENT_NS, vcpu).up()) {
            rig.send(SupervisorRequestType.START);
            rig.hear("ack START 0");
            serve(rig, rig.device, vcpu, 10);
            for (int reason = 0; reason < 2; reason++) {
                rig.events.clear();
                away(rig, reason);
                rig.hear("ack DEVICE_AWAY 0");
                if (reason == 0) {
                    LinkRenewal.events(rig.deviceLink);
                } else {
                    LinkRenewal.whole(rig.deviceLink);
                }
                rig.send(SupervisorRequestType.PAUSE);
                rig.send(SupervisorRequestType.PING);
                back(rig);
                rig.send(SupervisorRequestType.RESUME);
                final DeviceEndpoint successor = rig.successor(reason == 0 ? rig.position() : 0);
                serveUntil(rig, successor, () -> rig.events.contains("ack RESUME 0"));
                serve(rig, successor, vcpu, 20);
                final List<String> acks =
                        rig.events.stream().filter(e -> e.startsWith("ack")).toList();
                assertEquals(
                        List.of("ack DEVICE_AWAY 0", "ack PAUSE 0", "ack PING 0", "ack DEVICE_BACK 0", "ack RESUME 0"),
                        acks);
                assertEquals(15, vcpu.completed[0]);
            }
        }
    }

    @Test
    void stopDoesNotWaitForASuccessor() {
        for (int reason = 0; reason < 2; reason++) {
            try (BoardRig rig = new BoardRig(false, PATIENT_NS, reader()).up()) {
                rig.send(SupervisorRequestType.START);
                rig.hear("first");
                away(rig, reason);
                rig.hear("ack DEVICE_AWAY 0");
                rig.send(SupervisorRequestType.PAUSE);
                rig.send(SupervisorRequestType.STOP);
                rig.hear("ack STOP 0");
                assertTrue(rig.events.indexOf("ack PAUSE 0") < rig.events.indexOf("ack STOP 0"));
                assertTrue(rig.events.contains("ack PAUSE 0"), rig.events.toString());
            }
        }
    }

    @Test
    void aDeviceWithoutASuccessorCostsTheGuestOneWait() {
        final ScriptedVcpu vcpu = reader();
        try (BoardRig rig = new BoardRig(false, PATIENT_NS, vcpu).up()) {
            rig.send(SupervisorRequestType.START);
            serve(rig, rig.device, vcpu, 10);
            away(rig, 0);
            final long runs = vcpu.runs;
            rig.await("many accesses", () -> vcpu.runs > runs + 1000);
            assertEquals(0xFF, vcpu.completed[0]);
            rig.send(SupervisorRequestType.DEVICE_BROKEN, INDEX, 0);
            rig.hear("ack DEVICE_BROKEN 0");
            assertEquals(LinkHealth.BROKEN, rig.boardEnd.health());
            assertTrue(rig.events.stream().noneMatch(e -> e.startsWith("hung")));
        }
    }
}
