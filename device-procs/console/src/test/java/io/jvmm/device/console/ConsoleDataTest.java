package io.jvmm.device.console;

import static io.jvmm.device.console.ConsoleBench.ALL;
import static io.jvmm.device.console.ConsoleBench.NOTHING;
import static io.jvmm.device.console.ConsoleBench.SPLIT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.virtio.rig.RigDriver;
import io.jvmm.device.virtio.rig.RigQueue;
import io.jvmm.device.virtio.rig.VirtioRig.KillPoint;
import io.jvmm.ipc.message.SupervisorRequestType;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** One console without further ports: data, flow control, size, emergency write. */
@Timeout(120)
class ConsoleDataTest {

    private static final int EMERG_WR = RigDriver.DEVICE_CONFIG + 8;

    /** Linux's hvc sends up to 16 bytes at a time and waits for each buffer. */
    @ParameterizedTest
    @ValueSource(longs = {ALL, SPLIT})
    void whatTheGuestWritesIsSeen(long features) {
        try (ConsoleBench bench = new ConsoleBench(1)) {
            assertEquals(2, bench.setUp(features).read(RigDriver.NUM_QUEUES, 2));
            for (int i = 0; i < 300; i++) {
                bench.say(0, "line " + i + "\r\n");
                assertEquals("line " + i + "\r\n", bench.seen(0));
                assertEquals(0, bench.queue(1).reaped().lengthBytes());
            }
            assertEquals(0, bench.rig.guestErrors());
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {ALL, SPLIT})
    void whatTheUserTypesIsHeard(long features) {
        try (ConsoleBench bench = new ConsoleBench(1)) {
            bench.setUp(features);
            bench.listen(0, 4, 4096);
            bench.type(0, "ls\n");
            assertEquals("ls\n", bench.heard(0));
            assertEquals(1, bench.rig.driver().takeInterrupts(1));
        }
    }

    /** Without receive buffers the host is not read: nothing is lost, and nothing held but one chunk. */
    @Test
    void inputWaitsForBuffers() {
        try (ConsoleBench bench = new ConsoleBench(1)) {
            bench.setUp(ALL);
            bench.type(0, "early");
            assertEquals("", bench.heard(0));
            bench.listen(0, 3, 2);
            assertEquals("early", bench.heard(0));
            bench.type(0, "abcdefghij");
            bench.listen(0, 4, 3);
            assertEquals("abcdefghij", bench.heard(0));
        }
    }

    @Test
    void buffersWithoutRoomComeBackAndTheNextIsUsed() {
        try (ConsoleBench bench = new ConsoleBench(1)) {
            bench.setUp(ALL);
            bench.queue(0).offer(new byte[][] {{1}}, 0);
            bench.listen(0, 1, 10);
            bench.type(0, "x");
            assertEquals("x", bench.heard(0));
            assertTrue(bench.rig.guestErrors() > 0);
        }
    }

    @Test
    void emptyTransmitBuffersComeBack() {
        try (ConsoleBench bench = new ConsoleBench(1)) {
            bench.setUp(ALL);
            RigQueue queue = bench.queue(1);
            for (int i = 0; i < 5; i++) {
                queue.offer(new byte[][] {NOTHING}, 8);
            }
            queue.offer("end".getBytes(StandardCharsets.US_ASCII), 0);
            queue.kick();
            bench.rig.settle();
            for (int i = 0; i < 6; i++) {
                assertNotNull(queue.reap(), "buffer " + i);
            }
            assertEquals("end", bench.seen(0));
            assertEquals(ConsoleError.DIRECTION, bench.rig.lastGuestErrorCode());
        }
    }

    /** A pipe holds 64 KiB: the buffer stays with the device until its last byte has gone. */
    @ParameterizedTest
    @EnumSource(KillPoint.class)
    void aSlowHostKeepsTheBufferAndNothingIsLost(KillPoint where) {
        for (long features : new long[] {ALL, SPLIT}) {
            try (ConsoleBench bench = new ConsoleBench(1)) {
                bench.setUp(features);
                StringBuilder sent = new StringBuilder();
                while (sent.length() < 200_000) {
                    sent.append("line ").append(sent.length()).append('\n');
                }
                bench.queue(1).offer(sent.toString().getBytes(StandardCharsets.US_ASCII), 0);
                bench.rig.kill(where);
                bench.queue(1).kickAnyway();
                bench.rig.settle();
                assertNull(bench.queue(1).reap());
                StringBuilder seen = new StringBuilder();
                for (int i = 0; i < 10; i++) {
                    seen.append(bench.seen(0));
                    bench.rig.killAndAdopt(); // between two messages: what was taken is known to have been
                    bench.rig.settle();
                }
                seen.append(bench.seen(0));
                assertNotNull(bench.queue(1).reap(), where.toString());
                assertNull(bench.queue(1).reap());
                assertEquals(sent.toString(), seen.toString());
            }
        }
    }

    /** A process that dies between its write and its commit writes again: bytes may be seen twice, none is missed. */
    @Test
    void aKillBeforeTheCommitRepeatsOutputAndLosesNone() {
        try (ConsoleBench bench = new ConsoleBench(1)) {
            bench.setUp(ALL);
            bench.queue(1).offer("once".getBytes(StandardCharsets.US_ASCII), 0);
            bench.queue(1).kick();
            bench.rig.kill(KillPoint.BEFORE_COMMIT);
            bench.rig.settle();
            assertEquals("onceonce", bench.seen(0));
            assertNotNull(bench.queue(1).reap());
            assertNull(bench.queue(1).reap());
        }
    }

    @Test
    void aHostThatLeavesForGoodIsToldAndTheGuestRunsOn() {
        try (ConsoleBench bench = new ConsoleBench(1)) {
            bench.setUp(ALL);
            bench.closeHost(0);
            bench.say(0, "nobody");
            bench.say(0, "here");
            assertNotNull(bench.queue(1).reap());
            assertNotNull(bench.queue(1).reap());
            assertEquals(List.of("lost 0 32"), bench.rig.hostEvents(), "EPIPE, once");
        }
    }

    @Test
    void theEscapeKeyWorksAsOnASerialPort() {
        try (ConsoleBench bench = new ConsoleBench(1, "0.escape", "ctrl-a")) {
            bench.setUp(ALL);
            bench.type(0, "a\u0001xb");
            assertEquals(List.of("escape 0 1"), bench.rig.hostEvents());
            bench.listen(0, 1, 100);
            assertEquals("ab", bench.heard(0));
        }
    }

    // ---- size (§5.3.4)

    @Test
    void theSizeIsInTheConfigurationAndItsChangeToldOf() {
        try (ConsoleBench bench = new ConsoleBench(1, "cols", "132", "rows", "43")) {
            RigDriver driver = bench.setUp(ALL);
            assertEquals(132, driver.config(0, 2));
            assertEquals(43, driver.config(2, 2));
            assertEquals(1, driver.config(4, 4));
            assertEquals(0, driver.config(8, 4));
            assertEquals(1L << 32 | 43 << 16 | 132, driver.config(0, 8));
            assertEquals(43, driver.config(2, 1));
            assertTrue(bench.rig.hostRequest(SupervisorRequestType.RESIZE, 25L << 32 | 80));
            assertEquals(80, driver.config(0, 2));
            assertEquals(25, driver.config(2, 2));
            assertEquals(1, driver.takeInterrupts(0));
            bench.rig.hostRequest(SupervisorRequestType.RESIZE, 25L << 32 | 80);
            assertEquals(0, driver.takeInterrupts(0), "the same size");
            bench.rig.hostRequest(SupervisorRequestType.RESIZE, -1L);
            assertEquals(0xFFFF_FFFFL, driver.config(0, 4));
            driver.write(RigDriver.DEVICE_CONFIG, 8, 0);
            assertEquals(0xFFFF_FFFFL, driver.config(0, 4), "the driver cannot write it");
            assertFalse(bench.rig.hostRequest(SupervisorRequestType.BALLOON, 0));
        }
    }

    // ---- emergency write (§5.3.5.1)

    @Test
    void emergencyCharactersLeaveAtAnyTime() {
        try (ConsoleBench bench = new ConsoleBench(1)) {
            RigDriver driver = bench.rig.driver();
            for (int character : new int[] {'e', 'a', 'r', 'l', 'y'}) {
                driver.write(EMERG_WR, 4, 0xABCD_EF00L | character);
            }
            bench.rig.settle();
            assertEquals("early", bench.seen(0), "before any set-up");
            driver.write(EMERG_WR, 1, '1');
            driver.write(EMERG_WR + 1, 1, '?');
            driver.write(RigDriver.DEVICE_CONFIG, 4, 0xFFFF);
            driver.write(RigDriver.DEVICE_CONFIG + 4, 8, (long) '2' << 32);
            bench.rig.settle();
            assertEquals("12", bench.seen(0));
            bench.setUp(0);
            driver.write(EMERG_WR, 4, '!');
            bench.say(0, "?");
            assertEquals("!?", bench.seen(0));
        }
    }

    @Test
    void tooManyOfThemAreCountedAndTheFirstKept() {
        try (ConsoleBench bench = new ConsoleBench(1)) {
            RigDriver driver = bench.rig.driver();
            StringBuilder expected = new StringBuilder();
            for (int i = 0; i < 100; i++) {
                driver.write(EMERG_WR, 4, 'A' + i % 26);
                if (i < ConsoleStateLayout.EMERGENCY_BYTES) {
                    expected.append((char) ('A' + i % 26));
                }
            }
            bench.rig.killAndAdopt();
            bench.rig.settle();
            assertEquals(expected.toString(), bench.seen(0));
        }
    }

    @Test
    void aResetForgetsBuffersAndKeepsTheHost() {
        try (ConsoleBench bench = new ConsoleBench(1)) {
            bench.setUp(ALL);
            bench.queue(1).offer(new byte[150_000], 0);
            bench.queue(1).kick();
            bench.rig.settle();
            bench.rig.driver().resetQueue(1);
            assertEquals(65536, bench.seen(0).length());
            bench.say(0, "after a queue reset");
            assertEquals("after a queue reset", bench.seen(0));
            bench.queue(1).offer(new byte[150_000], 0);
            bench.queue(1).kick();
            bench.rig.settle();
            bench.setUp(SPLIT);
            bench.seen(0);
            bench.say(0, "after a device reset");
            assertEquals("after a device reset", bench.seen(0));
        }
    }
}
