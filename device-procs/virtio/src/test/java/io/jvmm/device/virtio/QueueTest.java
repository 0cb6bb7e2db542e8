package io.jvmm.device.virtio;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.jvmm.device.virtio.rig.Completion;
import io.jvmm.device.virtio.rig.RigDriver;
import io.jvmm.device.virtio.rig.RigQueue;
import io.jvmm.device.virtio.rig.VirtioRig;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What rings of both formats do for a driver that behaves, with all features there are. */
class QueueTest {
    private static final long PACKED = RigDriver.F_RING_PACKED;
    private static final long EVENT = RigDriver.F_EVENT_IDX;
    private static final long INDIRECT = RigDriver.F_INDIRECT_DESC;

    static List<Long> features() {
        List<Long> all = new ArrayList<>();
        for (long packed : new long[] {0, PACKED}) {
            for (long event : new long[] {0, EVENT}) {
                for (long indirect : new long[] {0, INDIRECT}) {
                    all.add(packed | event | indirect);
                }
            }
        }
        return all;
    }

    private static byte[] bytes(Random random, int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
    }

    @ParameterizedTest
    @MethodSource("features")
    void aRequestIsAnswered(long features) {
        try (VirtioRig rig = new VirtioRig(new EchoFactory(), Map.of())) {
            RigDriver driver = rig.driver().setUp(features);
            for (int i = 0; i < 1000; i++) {
                byte[] request = bytes(new Random(i), 1 + i % 100);
                assertArrayEquals(request, driver.request(EchoFactory.ECHO, request, 200), "request " + i);
                assertEquals(1, driver.takeInterrupts(1), "interrupts of request " + i);
            }
            assertEquals(0, rig.guestErrors());
        }
    }

    @ParameterizedTest
    @MethodSource("features")
    void framingDoesNotMatter(long features) {
        try (VirtioRig rig = new VirtioRig(new EchoFactory(), Map.of())) {
            RigQueue queue = rig.driver().withQueueSize(16).setUp(features).queue(0);
            for (int seed = 0; seed < 300; seed++) {
                Random random = new Random(seed);
                byte[] request = bytes(random, 40);
                int cut = random.nextInt(41);
                int first = random.nextInt(41);
                byte[][] parts = {
                    java.util.Arrays.copyOf(request, cut), java.util.Arrays.copyOfRange(request, cut, request.length)
                };
                int token = queue.offer(parts, first, 0, 40 - first);
                queue.kick();
                Completion done = queue.reaped();
                assertEquals(token, done.token(), "seed " + seed);
                assertArrayEquals(request, done.written(), "seed " + seed);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("features")
    void aBatchIsOneInterruptAndAsManyAnswers(long features) {
        try (VirtioRig rig = new VirtioRig(new EchoFactory(), Map.of())) {
            RigDriver driver = rig.driver().withQueueSize(64).setUp(features);
            RigQueue queue = driver.queue(EchoFactory.ECHO);
            for (int round = 0; round < 50; round++) {
                for (int i = 0; i < 20; i++) {
                    queue.offer(new byte[] {(byte) i}, 1);
                }
                queue.kick();
                for (int i = 0; i < 20; i++) {
                    assertEquals(i, queue.reaped().written()[0]);
                }
                assertNull(queue.reap());
                assertEquals(1, driver.takeInterrupts(1), "round " + round);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("features")
    void answersInAnyOrderComeBackOnceEach(long features) {
        try (VirtioRig rig = new VirtioRig(new EchoFactory(), Map.of())) {
            RigDriver driver = rig.driver().withQueueSize(32).setUp(features);
            RigQueue queue = driver.queue(EchoFactory.LATER);
            for (int round = 0; round < 200; round++) {
                Random random = new Random(round);
                int count = 1 + random.nextInt(10);
                byte[][] sent = new byte[256][];
                for (int i = 0; i < count; i++) {
                    byte[] request = bytes(random, 8);
                    sent[queue.offer(request, 8)] = request;
                }
                queue.kick();
                assertNull(queue.reap(), "the device holds them");
                driver.write(RigDriver.DEVICE_CONFIG + EchoFactory.RELEASE, 4, round);
                for (int i = 0; i < count; i++) {
                    Completion done = queue.reaped();
                    assertArrayEquals(sent[done.token()], done.written(), "round " + round);
                    sent[done.token()] = null;
                }
                assertNull(queue.reap());
            }
        }
    }

    @ParameterizedTest
    @MethodSource("features")
    void aFullRingGoesRound(long features) {
        try (VirtioRig rig = new VirtioRig(new EchoFactory(128, true), Map.of())) {
            RigDriver driver = rig.driver().withQueueSize(128).setUp(features);
            RigQueue queue = driver.queue(EchoFactory.GROUP);
            for (int round = 0; round < 20; round++) {
                int count = 0;
                while (queue.hasRoom(1)) {
                    queue.offer(new byte[0], 4);
                    count++;
                }
                queue.kick();
                rig.settle();
                while (queue.reap() != null) {
                    count--;
                }
                assertEquals(0, count, "round " + round);
            }
        }
    }
}
