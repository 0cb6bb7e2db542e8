package io.jvmm.device.console;

import static io.jvmm.device.console.ConsoleBench.ALL;
import static io.jvmm.device.console.ConsoleBench.CONTROL_TX;
import static io.jvmm.device.console.ConsoleBench.SPLIT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import io.jvmm.device.virtio.rig.RigDriver;
import io.jvmm.device.virtio.rig.VirtioRig.KillPoint;
import io.jvmm.ipc.message.SupervisorRequestType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Several ports and what is said about them (§5.3.6.2), in the order in which Linux's virtio_console says it. */
@Timeout(120)
class ConsoleControlTest {

    private static ConsoleBench three() {
        return new ConsoleBench(3, "1.name", "org.jvmm.agent", "2.name", "spice", "cols", "80", "rows", "25");
    }

    @ParameterizedTest
    @ValueSource(longs = {ALL, SPLIT})
    void portsAreAddedAnnouncedAndOpened(long features) {
        try (ConsoleBench bench = three()) {
            RigDriver driver = bench.setUp(features);
            assertEquals(8, driver.read(RigDriver.NUM_QUEUES, 2));
            assertEquals(3, driver.config(4, 4));
            bench.controlBuffers(16, 4096);
            bench.control(-1, 0, 1);
            assertEquals("0 1 1; 1 1 1; 2 1 1; ", bench.told());
            bench.control(0, 3, 1);
            assertEquals("0 4 1; 0 5 1 80x25; 0 6 1; ", bench.told());
            bench.control(1, 3, 1);
            assertEquals("1 7 1 org.jvmm.agent; 1 6 1; ", bench.told());
            bench.control(2, 3, 0);
            assertEquals("", bench.told(), "the driver could not make it");
            assertEquals(0, bench.rig.guestErrors());
        }
    }

    @Test
    void dataOfEachPortGoesItsWayOnceTheGuestHasItOpen() {
        try (ConsoleBench bench = three()) {
            bench.setUp(ALL);
            bench.announce(2);
            bench.listen(1, 2, 100);
            bench.listen(2, 2, 100);
            bench.type(1, "one");
            bench.type(2, "two");
            assertEquals("one", bench.heard(1));
            assertEquals("", bench.heard(2), "the guest has it closed: held");
            bench.control(2, 6, 1);
            assertEquals("two", bench.heard(2));
            bench.control(2, 6, 0);
            bench.type(2, "three");
            assertEquals("", bench.heard(2));
            bench.say(2, "from two");
            bench.say(0, "from zero");
            assertEquals("from two", bench.seen(2));
            assertEquals("from zero", bench.seen(0));
            assertEquals("", bench.seen(1));
        }
    }

    @Test
    void aHostThatLeavesClosesThePort() {
        try (ConsoleBench bench = three()) {
            bench.setUp(ALL);
            bench.announce(3);
            bench.told();
            bench.closeHost(1);
            bench.say(1, "anybody?");
            assertEquals("1 6 0; ", bench.told());
            assertNotNull(bench.queue(ConsoleBench.tx(1)).reap());
        }
    }

    @Test
    void aResizeIsAMessageToo() {
        try (ConsoleBench bench = three()) {
            RigDriver driver = bench.setUp(ALL);
            bench.announce(3);
            bench.told();
            bench.rig.hostRequest(SupervisorRequestType.RESIZE, 50L << 32 | 160);
            assertEquals("0 5 1 160x50; ", bench.told());
            assertEquals(160, driver.config(0, 2));
        }
    }

    /** A driver that gives no buffers: the last of each kind waits, and it is the last. */
    @Test
    void whatIsToldWaitsForBuffersAndDoesNotPileUp() {
        try (ConsoleBench bench = three()) {
            bench.setUp(ALL);
            bench.control(-1, 0, 1);
            for (int i = 1; i < 200; i++) {
                bench.control(0, 3, 1);
                bench.rig.hostRequest(SupervisorRequestType.RESIZE, (long) i << 32 | 2L * i);
            }
            bench.rig.killAndAdopt();
            bench.controlBuffers(2, 64);
            assertEquals("0 1 1; 0 4 1; ", bench.told());
            bench.controlBuffers(16, 64);
            assertEquals("0 5 1 398x199; 0 6 1; 1 1 1; 2 1 1; ", bench.told());
        }
    }

    @Test
    void buffersThatAreTooSmallComeBackEmptyAndANameIsCut() {
        try (ConsoleBench bench = three()) {
            bench.setUp(ALL);
            bench.controlBuffers(2, 7);
            bench.controlBuffers(3, 8);
            bench.control(-1, 0, 1);
            assertEquals("short; short; 0 1 1; 1 1 1; 2 1 1; ", bench.told());
            bench.controlBuffers(1, 12);
            bench.control(1, 3, 1);
            assertEquals("1 7 1 org.; ", bench.told());
            bench.controlBuffers(1, 8);
            bench.told();
            bench.controlBuffers(1, 8);
            bench.controlBuffers(1, 11);
            bench.control(0, 3, 1);
            assertEquals("0 4 1; short; ", bench.told(), "a size is not cut");
        }
    }

    @Test
    void nonsenseIsCountedAndAnswered() {
        try (ConsoleBench bench = three()) {
            bench.setUp(ALL);
            bench.controlBuffers(8, 64);
            bench.control(0, 3, 1);
            assertEquals(1, bench.rig.guestErrors(), "before DEVICE_READY");
            bench.control(0, 0, 0);
            assertEquals("", bench.told(), "the driver failed");
            bench.control(-1, 0, 1);
            bench.told();
            long before = bench.rig.guestErrors();
            bench.control(-1, 0, 1);
            bench.control(3, 3, 1);
            bench.control(-1, 6, 1);
            bench.control(Integer.MIN_VALUE, 6, 1);
            bench.control(0, 1, 1);
            bench.control(0, 99, 1);
            bench.queue(CONTROL_TX).offer(new byte[7], 0);
            bench.queue(CONTROL_TX).offer(new byte[0], 9);
            bench.queue(CONTROL_TX).kick();
            assertNotNull(bench.queue(CONTROL_TX).reap());
            assertEquals(0, bench.queue(CONTROL_TX).reaped().lengthBytes());
            assertEquals(8, bench.rig.guestErrors() - before);
            assertEquals("", bench.told());
        }
    }

    @Test
    void withoutTheFeatureThereIsPortZeroAlone() {
        try (ConsoleBench bench = three()) {
            bench.setUp(ALL & ~ConsoleCore.F_MULTIPORT);
            bench.listen(0, 1, 100);
            bench.type(0, "hello");
            bench.type(1, "nobody");
            assertEquals("hello", bench.heard(0));
            bench.say(0, "world");
            assertEquals("world", bench.seen(0));
            bench.say(1, "?");
            assertEquals("", bench.seen(1));
        }
    }

    @ParameterizedTest
    @EnumSource(KillPoint.class)
    void killedAnywhereEachMessageArrivesOnce(KillPoint where) {
        for (long features : new long[] {ALL, SPLIT}) {
            for (int step = 0; step < 5; step++) {
                try (ConsoleBench bench = three()) {
                    bench.setUp(features);
                    bench.controlBuffers(16, 64);
                    killAt(bench, where, step == 0);
                    bench.control(-1, 0, 1);
                    killAt(bench, where, step == 1);
                    bench.control(0, 3, 1);
                    killAt(bench, where, step == 2);
                    bench.control(1, 3, 1);
                    killAt(bench, where, step == 3);
                    bench.control(1, 6, 1);
                    bench.listen(1, 1, 10);
                    killAt(bench, where, step == 4 && where != KillPoint.BEFORE_COMMIT);
                    bench.type(1, "x");
                    assertEquals(
                            "0 1 1; 1 1 1; 2 1 1; 0 4 1; 0 5 1 80x25; 0 6 1; 1 7 1 org.jvmm.agent; 1 6 1; ",
                            bench.told(),
                            where + " step " + step);
                    assertEquals("x", bench.heard(1), where + " step " + step);
                }
            }
        }
    }

    private static void killAt(ConsoleBench bench, KillPoint where, boolean now) {
        if (now) {
            bench.rig.kill(where);
        }
    }
}
