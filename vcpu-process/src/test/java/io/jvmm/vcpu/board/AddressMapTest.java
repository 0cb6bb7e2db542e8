package io.jvmm.vcpu.board;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.counters.BoardCounter;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class AddressMapTest {
    private final List<String> log = new ArrayList<>();
    private final Counters counters = new Counters();

    /** Every byte reads as its offset plus the region times 16. */
    private final RegisterTarget device = new RegisterTarget() {
        @Override
        public long read(int vcpuIndex, int region, int offset, int widthBytes) {
            log.add("r" + region + "+" + offset + "." + widthBytes);
            long value = 0;
            for (int i = 0; i < widthBytes; i++) {
                value |= (long) ((region * 16 + offset + i) & 0xFF) << (8 * i);
            }
            return value;
        }

        @Override
        public void write(int vcpuIndex, int region, int offset, int widthBytes, long value) {
            log.add("w" + region + "+" + offset + "." + widthBytes + "=" + Long.toHexString(value));
        }
    };

    /** Ones, and nothing is written. */
    private static final RegisterTarget NOBODY = new RegisterTarget() {
        @Override
        public long read(int vcpuIndex, int region, int offset, int widthBytes) {
            return -1L >>> (64 - 8 * widthBytes);
        }

        @Override
        public void write(int vcpuIndex, int region, int offset, int widthBytes, long value) {
            // dropped
        }
    };

    private final AddressMap ports = AddressMap.builder(WindowSpec.Space.PIO)
            .window(WindowSpec.parse("pio:64:1"), "kbd", device, 2)
            .window(WindowSpec.parse("pio:60:1"), "kbd", device, 1)
            .window(WindowSpec.parse("pio:3f8:8"), "com1", device, 3)
            .window(WindowSpec.parse("pio:400:4"), "x", device, 4)
            .window(WindowSpec.parse("pio:cf9:1"), "reset", device, 5)
            .window(WindowSpec.parse("pio:fffe:2"), "last", device, 6)
            .exact(0xCF8, 4, NOBODY)
            .build();

    private long read(long address, int width) {
        return ports.read(0, address, width, counters);
    }

    @Test
    void anAccessInsideAWindowStaysWhole() {
        assertEquals(0x33323130, read(0x3F8, 4));
        assertEquals(0x3534, read(0x3FC, 2));
        ports.write(0, 0x3FE, 2, 0x1234, counters);
        assertEquals(List.of("r3+0.4", "r3+4.2", "w3+6.2=1234"), log);
        assertEquals(0, counters.get(BoardCounter.SPLIT_ACCESSES));
    }

    @Test
    void anAccessAcrossAnEdgeIsTakenApart() {
        assertEquals(0xFFFFFF10L, read(0x60, 4));
        assertEquals(0x41403736L, read(0x3FE, 4));
        ports.write(0, 0x3FF, 4, 0xAABBCCDDL, counters);
        assertEquals(List.of("r1+0.1", "r3+6.2", "r4+0.2", "w3+7.1=dd", "w4+0.2=bbcc", "w4+2.1=aa"), log);
        assertEquals(3, counters.get(BoardCounter.SPLIT_ACCESSES));
    }

    @Test
    void nobodyAnswersWithAllOnes() {
        assertEquals(0xFF, read(0x80, 1));
        assertEquals(0xFFFF, read(0x80, 2));
        assertEquals(0xFFFF_FFFFL, read(0x80, 4));
        assertEquals(-1L, read(0x80, 8));
        ports.write(0, 0x80, 1, 1, counters);
        assertEquals(4, counters.get(BoardCounter.UNCLAIMED_READS));
        assertEquals(1, counters.get(BoardCounter.UNCLAIMED_WRITES));
        assertEquals(List.of(), log);
    }

    @Test
    void theConfigurationAddressDoesNotTouchTheResetRegister() {
        ports.write(0, 0xCF8, 4, 0x8000_0600L, counters);
        assertEquals(0xFFFF_FFFFL, read(0xCF8, 4));
        assertEquals(List.of(), log);
        ports.write(0, 0xCF8, 2, 0x0600, counters);
        ports.write(0, 0xCF9, 1, 6, counters);
        assertEquals(List.of("w5+0.1=6", "w5+0.1=6"), log);
    }

    @Test
    void anyAddressAndWidthIsSafe() {
        assertEquals(0xFFFF_6160L, read(0xFFFE, 4) & 0xFFFF_FFFFL);
        read(-1L, 8);
        read(Long.MAX_VALUE, 8);
        read(Long.MIN_VALUE, 3);
        final long seed = TestSeed.next();
        final Random random = new Random(seed);
        for (int i = 0; i < 100_000; i++) {
            final long address = random.nextInt(3) == 0 ? random.nextLong() : 0x3F0 + random.nextInt(32);
            final int width = 1 + random.nextInt(8);
            final long value = read(address, width);
            for (int k = 0; k < width; k++) {
                final long single = read(address + k, 1);
                assertEquals(single, (value >>> (8 * k)) & 0xFF, "seed " + seed);
            }
        }
    }

    @Test
    void overlapsAreRefused() {
        final AddressMap.Builder b = AddressMap.builder(WindowSpec.Space.MMIO)
                .window(WindowSpec.parse("mmio:fed00000:1000"), "a", device, 0)
                .window(WindowSpec.parse("mmio:fed00fff:1"), "b", device, 0);
        assertThrows(IllegalArgumentException.class, b::build);
        for (final String bad : new String[] {"pio:ffff:2", "pio:-1:2", "pio:1:0", "x:1:1", "pio:1", "pio:g:1", ""}) {
            assertThrows(IllegalArgumentException.class, () -> WindowSpec.parse(bad), bad);
        }
    }
}
