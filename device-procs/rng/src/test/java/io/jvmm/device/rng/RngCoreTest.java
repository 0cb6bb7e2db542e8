package io.jvmm.device.rng;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.api.StateRejectedException;
import io.jvmm.device.virtio.rig.Completion;
import io.jvmm.device.virtio.rig.RigDriver;
import io.jvmm.device.virtio.rig.RigQueue;
import io.jvmm.device.virtio.rig.VirtioRig;
import io.jvmm.device.virtio.rig.VirtioRig.KillPoint;
import io.jvmm.ipc.Allocations;
import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.sys.Errno;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The entropy device, clause by clause, as a driver sees it. */
class RngCoreTest {

    private static final long ALL = -1L;
    private static final long SPLIT = ~RigDriver.F_RING_PACKED;
    private static final Map<String, String> NO_LIMIT = Map.of("0.rate-bytes", "0");
    private static final long SECOND_NS = 1_000_000_000;
    private static final byte[] NOTHING = {};

    /** Bytes that count up, at most so many a call; errors first, if told so. */
    private static final class Counting implements EntropySource {
        private byte next;
        private int mostAtOnce = Integer.MAX_VALUE;
        private int failures;
        private Errno failure = Errno.EAGAIN;

        @Override
        public long fill(GuestMemory memory, long offset, int lengthBytes) {
            if (failures > 0) {
                failures--;
                return -failure.number();
            }
            int count = Math.min(lengthBytes, mostAtOnce);
            for (int i = 0; i < count; i++) {
                memory.put8At(offset + i, next++);
            }
            return count;
        }
    }

    private final Counting source = new Counting();

    private VirtioRig rig(Map<String, String> entries) {
        return new VirtioRig(new RngDevice(source), entries);
    }

    private static byte[] counted(int first, int count) {
        byte[] bytes = new byte[count];
        for (int i = 0; i < count; i++) {
            bytes[i] = (byte) (first + i);
        }
        return bytes;
    }

    /** Linux 6.12 virtio_rng keeps one buffer of 64 bytes in the queue and asks again when it is used up. */
    @ParameterizedTest
    @ValueSource(longs = {ALL, SPLIT})
    void aDriverGetsWhatItAskedFor(long features) {
        try (VirtioRig rig = rig(NO_LIMIT)) {
            RigDriver driver = rig.driver().setUp(features);
            for (int i = 0; i < 300; i++) {
                assertArrayEquals(counted(64 * i, 64), driver.request(0, NOTHING, 64));
                assertEquals(1, driver.takeInterrupts(1), "interrupts of request " + i);
            }
            assertEquals(0, rig.guestErrors());
        }
    }

    /** For the counters of the process: what its predecessor gave is not its own. */
    @Test
    void whatTheHostGaveIsCounted() {
        try (VirtioRig rig = rig(NO_LIMIT)) {
            RigDriver driver = rig.driver().setUp(ALL);
            driver.request(0, NOTHING, 64);
            driver.request(0, NOTHING, 36);
            assertEquals(100, rig.backends().getFirst().inputBytes());
            assertEquals(0, rig.backends().getFirst().outputBytes());
            rig.killAndAdopt();
            assertEquals(0, rig.backends().getFirst().inputBytes());
            driver.request(0, NOTHING, 64);
            assertEquals(64, rig.backends().getFirst().inputBytes());
        }
    }

    @Test
    void itIsAnEntropyDeviceWithOneQueueAndNoConfiguration() {
        try (VirtioRig rig = rig(NO_LIMIT)) {
            assertEquals(4, new RngDevice().identity(key -> Optional.empty()).deviceType());
            assertEquals(1, rig.driver().read(RigDriver.NUM_QUEUES, 2));
            assertEquals(0, rig.driver().deviceFeatures() & 0xFF_FFFF);
        }
    }

    /** §2.7.4: framing does not matter, and empty parts are no obstacle. */
    @ParameterizedTest
    @ValueSource(longs = {ALL, SPLIT})
    void anyFramingIsFilled(long features) {
        try (VirtioRig rig = rig(NO_LIMIT)) {
            RigQueue queue = rig.driver().setUp(features).queue(0);
            int first = 0;
            for (int seed = 0; seed < 200; seed++) {
                Random random = new Random(seed);
                int[] parts = random.ints(1 + random.nextInt(6), 0, 40).toArray();
                int total = Arrays.stream(parts).sum();
                queue.offer(new byte[0][], parts);
                queue.kick();
                Completion done = queue.reaped();
                assertArrayEquals(counted(first, total), done.written(), "seed " + seed);
                first += total;
            }
        }
    }

    @Test
    void aBufferWithoutRoomComesBackEmpty() {
        try (VirtioRig rig = rig(NO_LIMIT)) {
            RigQueue queue = rig.driver().setUp(ALL).queue(0);
            queue.offer(new byte[] {1, 2, 3}, 0);
            queue.kick();
            assertEquals(0, queue.reaped().lengthBytes());
            assertEquals(2, rig.guestErrors(), "a readable part, and no writable one");
            queue.offer(new byte[0][], 0, 0);
            queue.kick();
            assertEquals(0, queue.reaped().lengthBytes());
            assertEquals(RngCore.ERROR_NO_ROOM, rig.lastGuestErrorCode());
        }
    }

    @Test
    void aReadablePartIsAnErrorAndTheRestIsFilled() {
        try (VirtioRig rig = rig(NO_LIMIT)) {
            RigDriver driver = rig.driver().setUp(ALL);
            assertArrayEquals(counted(0, 8), driver.request(0, new byte[] {9, 9}, 8));
            assertEquals(RngCore.ERROR_READABLE, rig.lastGuestErrorCode());
            assertEquals(2, rig.lastGuestErrorDetail());
        }
    }

    /** §5.4.6.2 allows less than the buffer holds; a turn is bounded, and all the same every buffer gets its due. */
    @Test
    void aLargeBufferIsCutAndManyOfThemAllAnswered() {
        try (VirtioRig rig = rig(NO_LIMIT)) {
            RigQueue queue = rig.driver().setUp(ALL).queue(0);
            for (int i = 0; i < 12; i++) {
                queue.offer(NOTHING, 100_000);
            }
            queue.kick();
            rig.settle();
            for (int i = 0; i < 12; i++) {
                assertEquals(RngCore.MOST_BUFFER_BYTES, queue.reaped().lengthBytes());
            }
        }
    }

    @Test
    void theLimiterGivesASecondsWorthAndThenAsMuchAsComesIn() {
        try (VirtioRig rig = rig(Map.of("0.rate-bytes", "1000"))) {
            RigQueue queue = rig.driver().setUp(ALL).queue(0);
            for (int i = 0; i < 4; i++) {
                queue.offer(NOTHING, 300);
            }
            queue.kick();
            for (int length : new int[] {300, 300, 300, 100}) {
                assertEquals(length, queue.reaped().lengthBytes());
            }
            queue.offer(NOTHING, 300);
            queue.kick();
            assertNull(queue.reap());
            rig.advance(63_000_000);
            assertNull(queue.reap(), "63 bytes are no buffer");
            rig.advance(1_000_001);
            assertEquals(64, queue.reaped().lengthBytes());
            queue.offer(NOTHING, 8);
            queue.kick();
            assertNull(queue.reap());
            rig.advance(8_000_001);
            assertEquals(8, queue.reaped().lengthBytes());
        }
    }

    @Test
    void overALongTimeTheRateHolds() {
        try (VirtioRig rig = rig(Map.of("0.rate-bytes", "777"))) {
            RigQueue queue = rig.driver().setUp(ALL).queue(0);
            long bytes = 0;
            long seed = TestSeed.next();
            Random random = new Random(seed);
            while (rig.nowNs() < 200 * SECOND_NS) {
                if (queue.outstanding() < 4) {
                    queue.offer(NOTHING, 1 + random.nextInt(200));
                    queue.kick();
                }
                rig.advance(random.nextInt(50_000_000));
                for (Completion done = queue.reap(); done != null; done = queue.reap()) {
                    bytes += done.lengthBytes();
                }
            }
            assertTrue(bytes <= 777 * 202, bytes + " bytes in 200 s");
            assertTrue(bytes >= 777 * 195, bytes + " bytes in 200 s");
        }
    }

    @Test
    void aResetDoesNotFillTheBucket() {
        try (VirtioRig rig = rig(Map.of("0.rate-bytes", "100"))) {
            RigDriver driver = rig.driver().setUp(ALL);
            assertEquals(100, driver.request(0, NOTHING, 1000).length);
            driver.setUp(ALL);
            driver.queue(0).offer(NOTHING, 64);
            driver.queue(0).kick();
            rig.killAndAdopt();
            rig.settle();
            assertNull(driver.queue(0).reap());
            rig.advance(640_000_001);
            assertEquals(64, driver.queue(0).reaped().lengthBytes());
        }
    }

    @Test
    void aHostWithoutRandomNumbersIsAskedAgain() {
        try (VirtioRig rig = rig(NO_LIMIT)) {
            RigQueue queue = rig.driver().setUp(ALL).queue(0);
            source.failures = 3;
            queue.offer(NOTHING, 64);
            queue.kick();
            rig.advance(20_000_000);
            assertNull(queue.reap());
            rig.advance(10_000_000);
            assertEquals(64, queue.reaped().lengthBytes());
        }
    }

    @Test
    void anInterruptedCallMakesAShortBuffer() {
        try (VirtioRig rig = rig(NO_LIMIT)) {
            RigQueue queue = rig.driver().setUp(ALL).queue(0);
            source.mostAtOnce = 10;
            queue.offer(new byte[0][], 20, 20);
            queue.kick();
            assertArrayEquals(counted(0, 10), queue.reaped().written());
        }
    }

    @ParameterizedTest
    @EnumSource(KillPoint.class)
    void killedAnywhereEveryBufferComesBackOnce(KillPoint where) {
        for (long features : new long[] {ALL, SPLIT}) {
            try (VirtioRig rig = rig(NO_LIMIT)) {
                RigQueue queue = rig.driver().setUp(features).queue(0);
                for (int round = 0; round < 100; round++) {
                    int count = 1 + round % 5;
                    for (int i = 0; i < count; i++) {
                        queue.offer(NOTHING, 16);
                    }
                    rig.kill(where);
                    queue.kickAnyway();
                    rig.settle();
                    for (int i = 0; i < count; i++) {
                        assertEquals(16, queue.reaped().lengthBytes(), where + " round " + round);
                    }
                    assertNull(queue.reap());
                }
            }
        }
    }

    @Test
    void aBucketThatHoldsTooMuchIsRefused() {
        Map<String, String> entries = Map.of("0.rate-bytes", "100");
        byte[] state;
        int tokens;
        try (VirtioRig rig = rig(entries)) {
            state = rig.state();
            tokens = state.length - RngStateLayout.LENGTH_BYTES;
            while (tokens >= 0 && state[tokens] != 100) {
                tokens -= 8; // the device's part is somewhere behind the transport's
            }
        }
        assertFalse(tokens < 0);
        state[tokens] = 101;
        try (VirtioRig rig = rig(entries)) {
            assertThrows(StateRejectedException.class, () -> rig.adopt(state));
        }
    }

    @Test
    void theKernelsBytesDiffer() {
        try (VirtioRig rig = new VirtioRig(new RngDevice(), NO_LIMIT)) {
            RigDriver driver = rig.driver().setUp(ALL);
            byte[] one = driver.request(0, NOTHING, 4096);
            byte[] other = driver.request(0, NOTHING, 4096);
            assertEquals(4096, one.length);
            assertFalse(Arrays.equals(one, other));
            long ones = 0;
            for (byte b : one) {
                ones += Integer.bitCount(b & 0xFF);
            }
            // 32768 coins: ten standard deviations of 90.5
            assertTrue(Math.abs(ones - 16384) < 905, ones + " bits set of 32768");
        }
    }

    @Test
    void noAllocation() {
        try (VirtioRig rig = new VirtioRig(new RngDevice(), Map.of("0.rate-bytes", "100000000"))) {
            RigQueue queue = rig.driver().setUp(SPLIT).queue(0);
            long[] at = {queue.table() + 0x10_0000};
            int[] length = {64};
            Allocations.assertNone("a request", () -> {
                queue.offerRaw(at, length, 0, 1);
                queue.kickAnyway();
                queue.reapRaw();
            });
        }
    }
}
