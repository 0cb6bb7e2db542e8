package io.jvmm.vcpu.board;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.memory.GuestMemory;
import org.junit.jupiter.api.Test;

class E820Test {
    private static final long GIB = 1L << 30;

    @Test
    void ramContinuesAbove4GibWhenItDoesNotFitBelowTheHole() {
        final E820 map = E820.of(5 * GIB);
        assertEquals(3 * GIB, map.lowRamEnd());
        final E820.Entry high = map.entries().getLast();
        assertEquals(4 * GIB, high.start());
        assertEquals(2 * GIB, high.lengthBytes());
        assertEquals(5, E820.of(3 * GIB).entries().size());
    }

    /** The two sides of the process must agree on where RAM is. */
    @Test
    void itIsTheLayoutOfGuestMemory() {
        assertEquals(GuestMemory.HOLE_START, E820.HOLE_START);
        assertEquals(GuestMemory.HOLE_END, E820.HIGH_RAM_START);
        for (final long ram : new long[] {2L << 20, 64L << 20, 3 * GIB, 3 * GIB + 4096, 9 * GIB}) {
            final E820 map = E820.of(ram);
            for (final GuestMemory.Region r : GuestMemory.layout(ram)) {
                final E820.Entry last = map.entries().stream()
                        .filter(e -> e.end() == r.guestPhysicalAddress() + r.lengthBytes())
                        .findFirst()
                        .orElseThrow();
                assertEquals(E820.Type.RAM, last.type());
            }
        }
    }

    @Test
    void usableRamKnowsItsEdges() {
        final E820 map = E820.of(64L << 20);
        assertTrue(map.isUsableRam(0, 0x9_FC00));
        assertFalse(map.isUsableRam(0, 0x9_FC01));
        assertTrue(map.isUsableRam(0x10_0000, (64L << 20) - 0x10_0000));
        assertFalse(map.isUsableRam(0x10_0000, 64L << 20));
        assertFalse(map.isUsableRam(0xF_FFFF, 2));
        assertFalse(map.isUsableRam(-1, 1));
        assertFalse(map.isUsableRam(1, -1));
        assertFalse(map.isUsableRam(Long.MAX_VALUE, Long.MAX_VALUE));
        assertFalse(map.isUsableRam(0x10_0000, Long.MAX_VALUE));
    }

    @Test
    void absurdSizesAreRefused() {
        for (final long bad : new long[] {0, -4096, 4096, (2L << 20) + 1, Long.MAX_VALUE, Long.MAX_VALUE & -4096}) {
            assertThrows(IllegalArgumentException.class, () -> E820.of(bad), Long.toString(bad));
        }
    }
}
