package io.jvmm.ipc.sys;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.Allocations;
import io.jvmm.ipc.TestSeed;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Vectors of buffers, and the parts one can make of them. */
class IoVectorTest {
    private final MemorySegment memory = Arena.ofAuto().allocate(64, 64);

    private static MemorySegment text(String text) {
        return Arena.ofAuto().allocateFrom(text);
    }

    private String memory(int offset, int length) {
        byte[] bytes = memory.asSlice(offset, length).toArray(ValueLayout.JAVA_BYTE);
        return new String(bytes, StandardCharsets.US_ASCII);
    }

    @Test
    void buffersAreFilledFromTheFront() {
        IoVector vector = new IoVector(3);
        assertTrue(vector.add(memory, 10, 3));
        assertTrue(vector.add(memory, 20, 0), "an empty part takes no room");
        assertTrue(vector.add(memory, 0, 4));
        assertTrue(vector.add(memory, 30, 5));
        assertFalse(vector.add(memory, 40, 1), "full");
        assertEquals(12, vector.lengthBytes());
        vector.fill(text("abcdefgh"), 1, 5);
        assertEquals("bcd", memory(10, 3));
        assertEquals("ef\0\0", memory(0, 4));
        assertEquals(7, vector.lengthBytes());
        assertEquals(2, vector.count());
        memory.fill((byte) 'x');
        vector.zero(4);
        assertEquals("xx\0\0", memory(0, 4));
        assertEquals("\0\0xxx", memory(30, 5));
        assertEquals(3, vector.lengthBytes());
        assertThrows(IndexOutOfBoundsException.class, () -> vector.zero(4));
        assertThrows(IndexOutOfBoundsException.class, () -> vector.fill(text("abcdef"), 0, 4));
    }

    @Test
    void aSegmentIsNeverLeft() {
        IoVector vector = new IoVector(1);
        assertThrows(IndexOutOfBoundsException.class, () -> vector.add(memory, 60, 5));
        assertThrows(IndexOutOfBoundsException.class, () -> vector.add(memory, -1, 5));
        vector.add(memory, 0, 8);
        assertThrows(IndexOutOfBoundsException.class, () -> vector.fill(text("abc"), 2, 3), "the source ends");
        assertThrows(IndexOutOfBoundsException.class, () -> vector.drain(text("abc"), 2, 3), "the target ends");
        assertEquals(8, vector.lengthBytes());
    }

    @Test
    void partsGoTheirOwnWays() {
        MemorySegment.copy(text("0123456789"), 0, memory, 0, 10);
        IoVector whole = new IoVector(4);
        whole.add(memory, 0, 4);
        whole.add(memory, 4, 6);
        IoVector part = new IoVector(1);
        assertEquals(4, part.take(whole, 7), "one buffer has room");
        assertEquals(6, whole.lengthBytes());
        part.clear();
        assertEquals(2, part.take(whole, 2));
        MemorySegment out = Arena.ofAuto().allocate(10);
        part.drain(out, 0, 2);
        whole.drain(out, 2, 4);
        assertEquals("456789", out.getString(0));
        assertEquals(0, whole.count());
        assertEquals(0, part.count());
    }

    @Test
    void alignmentIsThatOfEveryBuffer() {
        IoVector vector = new IoVector(3);
        vector.add(memory, 16, 16);
        assertTrue(vector.isAligned(16));
        vector.add(memory, 0, 8);
        assertFalse(vector.isAligned(16));
        assertTrue(vector.isAligned(8));
        vector.advance(16);
        vector.add(memory, 3, 8);
        assertFalse(vector.isAligned(8));
    }

    /** Against the obvious model: a string. */
    @Test
    void anySequenceOfPartsGivesTheSameBytes() {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        MemorySegment out = Arena.ofAuto().allocate(64);
        for (int round = 0; round < 2_000; round++) {
            IoVector vector = new IoVector(8);
            StringBuilder model = new StringBuilder();
            for (int i = 0; i < 64; i++) {
                memory.set(ValueLayout.JAVA_BYTE, i, (byte) ('0' + random.nextInt(60)));
            }
            for (int i = 0; i < 8; i++) {
                int offset = random.nextInt(60);
                int length = random.nextInt(5);
                vector.add(memory, offset, length);
                model.append(memory(offset, length));
            }
            while (vector.lengthBytes() > 0) {
                int n = 1 + random.nextInt((int) vector.lengthBytes());
                if (random.nextBoolean()) {
                    vector.advance(n);
                } else {
                    out.fill((byte) 0);
                    vector.drain(out, 0, n);
                    assertEquals(model.substring(0, n), out.getString(0));
                }
                model.delete(0, n);
                assertEquals(model.length(), vector.lengthBytes());
            }
        }
    }

    @Test
    void nothingIsAllocated() {
        IoVector whole = new IoVector(4);
        IoVector part = new IoVector(4);
        MemorySegment other = Arena.ofAuto().allocate(64);
        Allocations.assertNone("vectors", () -> {
            whole.clear();
            part.clear();
            whole.add(memory, 0, 8);
            whole.add(memory, 16, 8);
            part.take(whole, 12);
            part.fill(other, 0, 4);
            part.zero(4);
            part.advance(2);
            whole.drain(other, 0, 4);
        });
    }
}
