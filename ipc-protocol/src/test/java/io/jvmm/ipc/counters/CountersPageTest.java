package io.jvmm.ipc.counters;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.Allocations;
import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.sys.Mapping;
import io.jvmm.ipc.sys.MemFd;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

/** PROTOCOL.md, "Counters page". */
class CountersPageTest {
    /** Written from the page by hand. */
    @Test
    void goldenBytesOfADevice() {
        try (MemFd memFd = DevicePage.create("golden");
                DevicePage page = DevicePage.map(memFd.fd());
                Mapping raw = memFd.map()) {
            UnsafeBuffer bytes = raw.buffer();
            assertEquals("JVMMCNTR", bytes.getStringWithoutLengthAscii(0, 8));
            assertEquals(1, bytes.getInt(8));
            assertEquals(1, bytes.getInt(12));
            page.counters().add(DeviceCounter.KICKS, 7);
            assertEquals(7, bytes.getLong(128 + 2 * 8));
            page.service().record(300); // 256 to 384 ns is bucket 2
            assertEquals(1, bytes.getLong(512 + 2 * 8));
            page.completion().record(0);
            assertEquals(1, bytes.getLong(1024));
            bytes.putInt(64, 1);
            TraceWriter trace = page.traceWriter();
            assertTrue(trace.wanted());
            trace.write(2, 5, 0x104, 99);
            assertEquals(1, bytes.getLong(1536));
            assertEquals(1, bytes.getLong(1600 + 32));
            assertEquals(2, bytes.getInt(1600 + 32 + 8));
            assertEquals(5, bytes.getInt(1600 + 32 + 12));
            assertEquals(0x104, bytes.getLong(1600 + 32 + 16));
            assertEquals(99, bytes.getLong(1600 + 32 + 24));
        }
    }

    @Test
    void goldenBytesOfTheVcpuProcess() {
        try (MemFd memFd = BoardPage.create("golden", 2, 3);
                BoardPage page = BoardPage.map(memFd.fd(), 2, 3);
                Mapping raw = memFd.map()) {
            UnsafeBuffer bytes = raw.buffer();
            assertEquals(12288, raw.lengthBytes()); // 128 + 4 x 384 + 6 x 1152 = 8576
            assertEquals(2, bytes.getInt(12));
            assertEquals(2, bytes.getInt(16));
            assertEquals(3, bytes.getInt(20));
            page.board().increment(BoardCounter.WAKE_UPS);
            assertEquals(1, bytes.getLong(128 + 2 * 384 + 15 * 8));
            int link = 128 + 4 * 384 + 5 * 1152; // vCPU 1, device 2
            page.link(1, 2).increment(LinkCounter.KICKS);
            assertEquals(1, bytes.getLong(link + 16));
            page.reads(1, 2).record(200);
            assertEquals(1, bytes.getLong(link + 128 + 8));
            page.waits(1, 2).record(1L << 50);
            assertEquals(1, bytes.getLong(link + 128 + 512 + 63 * 8));
        }
    }

    @Test
    void placesDoNotOverlapAndNumbersAreUnique() {
        Set<Integer> seen = new HashSet<>();
        for (DeviceCounter c : DeviceCounter.values()) {
            assertTrue(seen.add(c.number()) && c.number() < CountersLayout.BLOCK_COUNTERS, c.name());
            assertFalse(c.help().isBlank() || c.help().endsWith("."), c.name());
        }
        seen.clear();
        for (BoardCounter c : BoardCounter.values()) {
            assertTrue(seen.add(c.number()) && c.number() < CountersLayout.BLOCK_COUNTERS, c.name());
        }
        assertTrue(CountersLayout.TRACE_FIRST + CountersLayout.TRACE_ENTRIES * CountersLayout.TRACE_ENTRY_BYTES
                <= CountersLayout.deviceBytes());
    }

    @Test
    void aSuccessorGoesOnCounting() {
        try (MemFd memFd = DevicePage.create("device")) {
            try (DevicePage first = DevicePage.map(memFd.fd())) {
                first.counters().add(DeviceCounter.READS, 5);
            }
            try (DevicePage second = DevicePage.map(memFd.fd())) {
                second.counters().add(DeviceCounter.READS, 2);
                assertEquals(7, second.counters().get(DeviceCounter.READS));
            }
        }
    }

    @Test
    void whatIsNoPageIsRefused() {
        try (MemFd unsealed = MemFd.create("unsealed", 4096);
                MemFd empty = MemFd.createSealed("empty", 4096);
                MemFd large = MemFd.createSealed("large", 8192);
                MemFd board = BoardPage.create("board", 1, 1)) {
            for (MemFd each : List.of(unsealed, empty, large, board)) {
                assertThrows(IllegalArgumentException.class, () -> DevicePage.map(each.fd()));
            }
            assertThrows(IllegalArgumentException.class, () -> BoardPage.map(board.fd(), 1, 2));
        }
    }

    @Test
    void bucketsOfAHistogramFollowOneAnother() {
        assertEquals(0, Histogram.bucket(-5));
        assertEquals(0, Histogram.bucket(191));
        assertEquals(1, Histogram.bucket(192));
        assertEquals(2, Histogram.bucket(256));
        assertEquals(63, Histogram.bucket(Long.MAX_VALUE));
        for (int i = 1; i < Histogram.BUCKETS; i++) {
            assertEquals(i, Histogram.bucket(Histogram.lowerNs(i)));
            assertEquals(i - 1, Histogram.bucket(Histogram.lowerNs(i) - 1));
            assertEquals(Histogram.lowerNs(i), Histogram.upperNs(i - 1));
        }
    }

    @Test
    void quantilesAreWithinABucketOfTheTruth() {
        Random random = new Random(TestSeed.next());
        long[] counts = new long[Histogram.BUCKETS];
        List<Long> all = new ArrayList<>();
        for (int i = 0; i < 10_000; i++) {
            long ns = (long) Math.exp(Math.log(200) + random.nextDouble() * 12);
            all.add(ns);
            counts[Histogram.bucket(ns)]++;
        }
        all.sort(null);
        for (double q : new double[] {0.5, 0.9, 0.99}) {
            long truth = all.get((int) (q * all.size()));
            long told = Histogram.quantileNs(counts, q);
            assertTrue(told > truth / 1.6 && told < truth * 1.6, q + ": " + told + " for " + truth);
        }
        assertEquals(-1, Histogram.quantileNs(new long[Histogram.BUCKETS], 0.5));
    }

    @Test
    void aTraceGivesWhatIsNewAndSaysWhatWasMissed() {
        try (MemFd memFd = DevicePage.create("trace");
                DevicePage device = DevicePage.map(memFd.fd());
                DevicePage supervisor = DevicePage.ofOwn(memFd)) {
            TraceReader reader = supervisor.traceReader();
            TraceWriter writer = device.traceWriter();
            assertFalse(writer.wanted());
            reader.every(3);
            int wanted = 0;
            for (int i = 0; i < 9; i++) {
                wanted += writer.wanted() ? 1 : 0;
            }
            assertEquals(3, wanted);
            List<String> got = new ArrayList<>();
            TraceReader.Handler handler = (lost, type, region, detail, ns) -> got.add(lost + ":" + ns);
            writer.write(1, 0, 0, 1);
            writer.write(1, 0, 0, 2);
            assertEquals(2, reader.read(handler));
            assertEquals(List.of("0:1", "0:2"), got);
            got.clear();
            for (int i = 3; i <= 42; i++) {
                writer.write(1, 0, 0, i);
            }
            assertEquals(32, reader.read(handler));
            assertEquals("8:11", got.getFirst());
            assertEquals("0:42", got.getLast());
            assertEquals(0, reader.read(handler));
        }
    }

    /** Whatever a hostile device writes there, a look ends soon, gives no more than there is room for, and throws nothing. */
    @Test
    void aHostileTraceIsBounded() {
        Random random = new Random(TestSeed.next());
        try (MemFd memFd = DevicePage.create("hostile");
                Mapping raw = memFd.map();
                DevicePage supervisor = DevicePage.ofOwn(memFd)) {
            TraceReader reader = supervisor.traceReader();
            byte[] noise = new byte[4096 - 1536];
            for (int i = 0; i < 10_000; i++) {
                random.nextBytes(noise);
                raw.buffer().putBytes(1536, noise);
                if (random.nextBoolean()) {
                    raw.buffer().putLong(1536, random.nextInt(100) - 50L);
                }
                assertTrue(reader.read((lost, type, region, detail, ns) -> {}) <= 32);
            }
        }
    }

    /** At both ends of what a number can be, no entry is read of which the device has not said that it is written. */
    @Test
    void aTraceEndsAtTheLargestNumber() {
        for (long written : new long[] {Long.MAX_VALUE, Long.MAX_VALUE - 1, Long.MIN_VALUE, Long.MIN_VALUE + 5, -1}) {
            try (MemFd memFd = DevicePage.create("largest");
                    Mapping raw = memFd.map();
                    DevicePage supervisor = DevicePage.ofOwn(memFd)) {
                for (long start : new long[] {0, written - 40, written - 1}) {
                    raw.buffer().putLong(1536, start);
                    TraceReader reader = supervisor.traceReader();
                    raw.buffer().putLong(1536, written);
                    for (long number = written + 1; number != written + 33; number++) {
                        raw.buffer().putLong(1600 + (int) (number & 31) * 32, number);
                    }
                    assertEquals(0, reader.read((lost, type, region, detail, ns) -> {
                        throw new AssertionError("an entry behind number " + written);
                    }));
                }
            }
        }
    }

    @Test
    void whatWasTornAtTheEndIsMissedBeforeTheNext() {
        try (MemFd memFd = DevicePage.create("torn");
                Mapping raw = memFd.map();
                DevicePage device = DevicePage.map(memFd.fd());
                DevicePage supervisor = DevicePage.ofOwn(memFd)) {
            TraceReader reader = supervisor.traceReader();
            TraceWriter writer = device.traceWriter();
            List<String> got = new ArrayList<>();
            TraceReader.Handler handler = (lost, type, region, detail, ns) -> got.add(lost + ":" + ns);
            for (int i = 1; i <= 3; i++) {
                writer.write(1, 0, 0, i);
            }
            raw.buffer().putLong(1600 + 2 * 32, 0);
            raw.buffer().putLong(1600 + 3 * 32, 0);
            assertEquals(1, reader.read(handler));
            writer.write(1, 0, 0, 4);
            assertEquals(1, reader.read(handler));
            assertEquals(List.of("0:1", "2:4"), got);
        }
    }

    @Test
    void countingAllocatesNothing() {
        try (MemFd memFd = DevicePage.create("allocations");
                DevicePage page = DevicePage.map(memFd.fd())) {
            CounterBlock counters = page.counters();
            CounterBlock service = page.service();
            HeapMeter heap = new HeapMeter(
                    counters, DeviceCounter.ALLOCATED_BYTES, DeviceCounter.COLLECTIONS, 1_000, System.nanoTime());
            Allocations.assertNoneIn("counting", () -> {
                for (int i = 0; i < 10_000; i++) {
                    counters.increment(DeviceCounter.READS);
                    service.record(i);
                    heap.look(System.nanoTime());
                }
            });
        }
    }

    @Test
    void theHeapMeterSeesWhatIsAllocated() {
        CounterBlock counters = new CounterBlock();
        HeapMeter heap =
                new HeapMeter(counters, DeviceCounter.ALLOCATED_BYTES, DeviceCounter.COLLECTIONS, 0, System.nanoTime());
        List<byte[]> kept = new ArrayList<>();
        for (int i = 0; i < 32; i++) {
            kept.add(new byte[1 << 20]);
            heap.look(System.nanoTime());
        }
        assertEquals(32, kept.size());
        assertTrue(
                counters.get(DeviceCounter.ALLOCATED_BYTES) >= 16 << 20,
                () -> counters.get(DeviceCounter.ALLOCATED_BYTES) + " bytes");
        System.gc();
        heap.look(System.nanoTime());
        assertTrue(counters.get(DeviceCounter.COLLECTIONS) >= 1);
    }
}
