package io.jvmm.vcpu.x86.mmu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.jvmm.ipc.TestSeed;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Compare-and-exchange at any alignment and width: alone against plain memory, and by several threads at once. */
final class AtomicAccessTest {
    private static final int[] WIDTHS = {1, 2, 4, 8};

    private final MmuRig rig = new MmuRig();

    @Test
    void everyAlignment() {
        final long seed = TestSeed.next();
        final SplittableRandom random = new SplittableRandom(seed);
        final MemorySegment plain = Arena.ofAuto().allocate(8192, 8);
        for (int i = 0; i < 200_000; i++) {
            final int width = WIDTHS[random.nextInt(4)];
            // Around a page boundary: paging is off, so that the second page follows.
            final int at = 4096 - 24 + random.nextInt(48);
            final long mask = AtomicAccess.mask(width);
            long found = 0;
            for (int b = 0; b < width; b++) {
                found |= (plain.get(ValueLayout.JAVA_BYTE, at + b) & 0xffL) << (8 * b);
            }
            final long expected = random.nextInt(3) == 0 ? random.nextLong() & mask : found;
            final long replacement = random.nextLong();
            assertEquals(found, rig.mmu.compareAndExchange(0x10_0000 + at, width, expected, replacement));
            for (int b = 0; b < width && expected == found; b++) {
                plain.set(ValueLayout.JAVA_BYTE, at + b, (byte) (replacement >>> (8 * b)));
            }
        }
        assertEquals(-1, rig.ram.asSlice(0x10_0000, 8192).mismatch(plain));
    }

    @Test
    void threadsCountTogether() throws InterruptedException {
        final int each = 30_000;
        // Within a word, across eight bytes, across a page; neighbours that plain CAS would tear share the same longs.
        final long[] counters = {0x10_0000, 0x10_0009, 0x10_000e, 0x10_0ffe, 0x10_1005};
        final Thread[] threads = new Thread[3];
        for (int t = 0; t < threads.length; t++) {
            final Mmu mmu = new Mmu(rig.memory, rig, new GuestException(), rig);
            threads[t] = new Thread(() -> {
                for (int i = 0; i < each; i++) {
                    for (final long counter : counters) {
                        add(mmu, counter);
                    }
                }
            });
            threads[t].start();
        }
        for (final Thread thread : threads) {
            thread.join();
        }
        for (final long counter : counters) {
            assertEquals(each * threads.length, rig.mmu.read32(counter), Long.toHexString(counter));
        }
    }

    private static void add(Mmu mmu, long counter) {
        while (true) {
            final long seen = mmu.read32(counter) & 0xffff_ffffL;
            if (mmu.compareAndExchange(counter, 4, seen, seen + 1) == seen) {
                return;
            }
        }
    }
}
