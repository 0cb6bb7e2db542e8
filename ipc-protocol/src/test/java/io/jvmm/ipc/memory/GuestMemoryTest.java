package io.jvmm.ipc.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.Allocations;
import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.memory.GuestMemory.Region;
import io.jvmm.ipc.sys.MemFd;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GuestMemoryTest {
    private static final long MIB = 1 << 20;
    private static final long GIB = 1L << 30;
    /** Sparse: only what is touched costs memory. */
    private static final long RAM = 4 * GIB;

    private final MemFd memFd = MemFd.createSealed("test-ram", RAM);
    private final GuestMemory memory = GuestMemory.map(memFd.fd(), RAM);

    @AfterEach
    void close() {
        memory.close();
        memFd.close();
    }

    @Test
    void ramLeavesTheHoleBelowFourGigabytes() {
        assertEquals(List.of(new Region(0, 128 * MIB, 0)), GuestMemory.layout(128 * MIB));
        assertEquals(List.of(new Region(0, 3 * GIB, 0)), GuestMemory.layout(3 * GIB));
        assertEquals(
                List.of(new Region(0, 3 * GIB, 0), new Region(4 * GIB, 4096, 3 * GIB)),
                GuestMemory.layout(3 * GIB + 4096));
        assertEquals(RAM, memory.lengthBytes());
        assertEquals(2, memory.regions().size());
        assertEquals(GIB, memory.segment(memory.regions().getLast()).byteSize());
    }

    @ParameterizedTest
    @CsvSource({
        // gpa, length, offset or −1
        "0, 1, 0",
        "0, 0, -1",
        "0, -1, -1",
        "0, 3221225472, 0",
        "0, 3221225473, -1",
        "0, 9223372036854775807, -1",
        "3221225471, 1, 3221225471",
        "3221225471, 2, -1",
        "3221225472, 1, -1",
        "4294967295, 1, -1",
        "4294967296, 1, 3221225472",
        "5368709119, 1, 4294967295",
        "5368709119, 2, -1",
        "5368709120, 1, -1",
        "-1, 1, -1",
        "-1, 2, -1",
        "-8, 16, -1",
        "-9223372036854775808, 1, -1",
        "-9223372036854775808, -9223372036854775808, -1",
        "9223372036854775807, 1, -1",
        "9223372036854775807, 9223372036854775807, -1",
        "8, -8, -1",
        "4294967296, -4294967296, -1",
        "-4294967296, 8589934592, -1"
    })
    void anyAddressAndLengthResolveOrDoNot(long gpa, long length, long offset) {
        assertEquals(offset, memory.resolve(gpa, length));
        assertEquals(offset != -1, memory.contains(gpa, length));
    }

    @Test
    void randomRangesAgreeWithUnsignedArithmetic() {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        long[] borders = {0, 3 * GIB, 4 * GIB, 5 * GIB, Long.MAX_VALUE, Long.MIN_VALUE, -1};
        for (int i = 0; i < 200_000; i++) {
            long gpa = borders[random.nextInt(borders.length)] + random.nextInt(33) - 16;
            long length = random.nextInt(3) == 0 ? random.nextLong() : random.nextInt(64) - 8;
            java.math.BigInteger start = new java.math.BigInteger(Long.toUnsignedString(gpa));
            java.math.BigInteger end = start.add(new java.math.BigInteger(Long.toUnsignedString(length)));
            boolean low = end.compareTo(java.math.BigInteger.valueOf(3 * GIB)) <= 0;
            boolean high = start.compareTo(java.math.BigInteger.valueOf(4 * GIB)) >= 0
                    && end.compareTo(java.math.BigInteger.valueOf(5 * GIB)) <= 0;
            assertEquals(length != 0 && (low || high), memory.contains(gpa, length), "seed " + seed);
        }
    }

    @Test
    void valuesAreLittleEndianOfAnyAlignment() {
        assertTrue(memory.put64(4 * GIB + 3, 0x1122334455667788L));
        assertEquals((byte) 0x88, memory.get8(4 * GIB + 3, (byte) 0));
        assertEquals((short) 0x6677, memory.get16(4 * GIB + 4, (short) 0));
        assertEquals(0x44556677, memory.get32(4 * GIB + 4, 0));
        assertTrue(memory.put8(0, (byte) 1));
        assertTrue(memory.put16(1, (short) 0x0302));
        assertTrue(memory.put32(3, 0x07060504));
        assertEquals(0x0007060504030201L, memory.get64(0, -1));
    }

    @Test
    void thereIsNoMemoryInTheHole() {
        assertEquals(-1L, memory.get64(3 * GIB, -1L));
        assertEquals((byte) 0xff, memory.get8(3 * GIB, (byte) 0xff));
        assertEquals((short) -1, memory.get16(3 * GIB - 1, (short) -1));
        assertEquals(-1, memory.get32(3 * GIB - 3, -1));
        assertFalse(memory.put8(3 * GIB, (byte) 0));
        assertFalse(memory.put16(3 * GIB - 1, (short) 0));
        assertFalse(memory.put32(-2, 0));
        assertFalse(memory.put64(5 * GIB - 7, 0));
        assertFalse(memory.fill(3 * GIB - 1, 2, (byte) 1));
        assertEquals(0, memory.lengthAt(3 * GIB));
        assertEquals(1, memory.lengthAt(3 * GIB - 1));
        assertEquals(GIB, memory.lengthAt(4 * GIB));
        assertThrows(IndexOutOfBoundsException.class, () -> memory.slice(3 * GIB - 1, 2));
    }

    @Test
    void copiesAreAllOrNothing() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment host = arena.allocate(64);
            host.fill((byte) 7);
            assertTrue(memory.copyIn(3 * GIB - 64, host, 0, 64));
            assertFalse(memory.copyIn(3 * GIB - 63, host, 0, 64));
            assertEquals((byte) 7, memory.get8(3 * GIB - 1, (byte) 0));
            host.fill((byte) 0);
            assertFalse(memory.copyOut(3 * GIB - 63, host, 0, 64));
            assertEquals(0, host.get(ValueLayout.JAVA_BYTE, 0));
            assertTrue(memory.copyOut(3 * GIB - 64, host, 32, 32));
            assertEquals(0, host.get(ValueLayout.JAVA_BYTE, 31));
            assertEquals(7, host.get(ValueLayout.JAVA_BYTE, 32));
            assertTrue(memory.fill(0, 4096, (byte) 9));
            assertEquals(0x09090909, memory.get32(4092, 0));
            memory.slice(0, 16).set(ValueLayout.JAVA_BYTE, 15, (byte) 1);
            assertEquals((byte) 1, memory.get8(15, (byte) 0));
        }
    }

    @Test
    void resolvedOffsetsAreCheckedAgainstTheBackingMemory() {
        long at = memory.resolve(4 * GIB, 16);
        memory.put64At(at, 5);
        assertEquals(5, memory.get64AcquireAt(at));
        assertTrue(memory.compareAndSet64At(at, 5, 6));
        assertFalse(memory.compareAndSet64At(at, 5, 7));
        memory.put32ReleaseAt(at + 8, 0x10);
        assertEquals(0x10, memory.getAndBitwiseOr32At(at + 8, 1));
        assertTrue(memory.compareAndSet32At(at + 8, 0x11, 0x12));
        memory.put16ReleaseAt(at + 12, (short) -2);
        assertEquals((short) -2, memory.get16AcquireAt(at + 12));
        memory.put64ReleaseAt(at, 9);
        assertEquals(9, memory.get64At(at));
        assertEquals(0x12, memory.get32AcquireAt(at + 8));
        assertThrows(IndexOutOfBoundsException.class, () -> memory.get8At(RAM));
        assertThrows(IndexOutOfBoundsException.class, () -> memory.get8At(GuestMemory.INVALID));
    }

    @Test
    void neighboursInBothSpacesBecomeOneRegion() {
        try (GuestMemory share = GuestMemory.map(
                memFd.fd(),
                List.of(new Region(8192, 4096, 8192), new Region(0, 4096, 0), new Region(4096, 4096, 4096)))) {
            assertEquals(List.of(new Region(0, 12288, 0)), share.regions());
            assertTrue(share.put64(4092, -1));
            assertEquals(-1, memory.get64(4092, 0));
        }
    }

    @Test
    void badRegionsAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> new Region(1, 4096, 0));
        assertThrows(IllegalArgumentException.class, () -> new Region(0, 0, 0));
        assertThrows(IllegalArgumentException.class, () -> new Region(0, 4096, -4096));
        assertThrows(IllegalArgumentException.class, () -> new Region(Long.MAX_VALUE - 4095, 8192, 0));
        assertThrows(IllegalArgumentException.class, () -> GuestMemory.layout(0));
        assertThrows(IllegalArgumentException.class, () -> GuestMemory.map(memFd.fd(), List.of()));
        assertThrows(IllegalArgumentException.class, () -> GuestMemory.map(memFd.fd(), RAM + 4096));
        assertThrows(
                IllegalArgumentException.class,
                () -> GuestMemory.map(memFd.fd(), List.of(new Region(0, 8192, 0), new Region(4096, 4096, 16384))));
    }

    @Test
    void memoryThatAPeerCouldShrinkIsRefused() {
        try (MemFd unsealed = MemFd.create("test", MIB)) {
            assertThrows(IllegalArgumentException.class, () -> GuestMemory.map(unsealed.fd(), MIB));
        }
    }

    @Test
    void accessAllocatesNothing() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment host = arena.allocate(64);
            Allocations.assertNone("guest memory", () -> {
                memory.put64(4 * GIB, memory.get64(8, 0));
                memory.get64(3 * GIB, 0);
                memory.copyIn(0, host, 0, 64);
                memory.copyOut(0, host, 0, 64);
                memory.get16AcquireAt(memory.resolve(64, 2));
            });
        }
    }
}
