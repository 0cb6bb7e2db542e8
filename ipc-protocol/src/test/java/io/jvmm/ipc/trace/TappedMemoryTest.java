package io.jvmm.ipc.trace;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.Allocations;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.sys.MemFd;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Every access of guest memory that gives or takes a value is on the tape, once, and comes back from it. */
class TappedMemoryTest {
    private static final int BYTES = 64 * 1024;

    private final MemFd memFd = MemFd.createSealed("test", BYTES);
    private final GuestMemory memory = GuestMemory.map(memFd.fd(), BYTES);
    private final TraceBuffer trace = new TraceBuffer();

    @AfterEach
    void close() {
        memory.close();
        memFd.close();
    }

    /** All accessors; what they give, as text. */
    private static String access(GuestMemory its) {
        List<Object> seen = new ArrayList<>();
        seen.add(its.get8(1, (byte) 9));
        seen.add(its.get16(2, (short) 9));
        seen.add(its.get32(4, 9));
        seen.add(its.get64(8, 9));
        seen.add(its.get64(BYTES, 9));
        seen.add(its.get8At(1));
        seen.add(its.get16At(3));
        seen.add(its.get32At(5));
        seen.add(its.get64At(9));
        seen.add(its.get16AcquireAt(2));
        seen.add(its.get32AcquireAt(4));
        seen.add(its.get64AcquireAt(8));
        seen.add(its.put8(32, (byte) -1) + " " + its.put16(34, (short) -2) + " " + its.put32(36, -3));
        seen.add(its.put64(40, -4) + " " + its.put64(BYTES, -4));
        its.put8At(48, (byte) 1);
        its.put16At(50, (short) 1);
        its.put32At(52, 1);
        its.put64At(56, 1);
        its.put16ReleaseAt(64, (short) 2);
        its.put32ReleaseAt(68, 2);
        its.put64ReleaseAt(72, 2);
        seen.add(its.getAndBitwiseOr32At(80, 0x10));
        seen.add(its.compareAndSet32At(84, 0x5754_5554 - 0x100, 7));
        seen.add(its.compareAndSet32At(88, its.get32At(88), 7));
        seen.add(its.compareAndSet64At(96, its.get64At(96), 7));
        seen.add(its.compareAndSet64At(104, 0, 7));
        MemorySegment copy = MemorySegment.ofArray(new byte[16]);
        seen.add(its.copyOut(16, copy, 4, 8));
        seen.add(List.of(copy.get(ValueLayout.JAVA_LONG_UNALIGNED, 4), copy.get(ValueLayout.JAVA_INT_UNALIGNED, 0)));
        seen.add(its.copyIn(112, copy, 4, 8));
        seen.add(its.copyOut(BYTES, copy, 0, 1));
        seen.add(its.discardAt(4096, 4096));
        seen.add(its.contains(0, BYTES) + " " + its.lengthAt(8));
        return seen.toString();
    }

    private void fill() {
        for (int i = 0; i < 256; i++) {
            memory.put8At(i, (byte) i);
        }
    }

    @Test
    void whatWasReadComesBackFromTheTape() {
        fill();
        String plain = access(memory);
        fill();
        RecordingTape recording = new RecordingTape(trace, 0);
        assertEquals(plain, access(memory.tapped(recording)));
        recording.flush();
        memory.fill(0, BYTES, (byte) 0x77);
        ReplayTape replay = new ReplayTape(trace.source(), Integer::toString);
        assertEquals(plain, access(memory.tapped(replay)));
        assertNull(replay.peek());
        // 20 reads, 14 writes, discard and its answer; resolve, contains and what is refused leave nothing
        assertEquals(36, replay.taken());
    }

    @Test
    void withoutATapItIsItself() {
        assertSame(memory, memory.untapped());
        GuestMemory tapped = memory.tapped(new RecordingTape(trace, 0));
        tapped.untapped().put8At(0, (byte) 5);
        assertEquals(5, memory.get8At(0));
        assertFalse(tapped.untapped() == tapped);
        assertTrue(trace.batches().isEmpty());
    }

    @Test
    void recordingAllocatesNothing() {
        RecordingTape tape = new RecordingTape((batch, length) -> {}, 0);
        GuestMemory tapped = memory.tapped(tape);
        MemorySegment copy = MemorySegment.ofArray(new byte[16]);
        Allocations.assertNone("tapped accesses", () -> {
            tapped.put32At(8, tapped.get32At(4));
            tapped.copyOutAt(0, copy, 0, 16);
            tapped.copyInAt(16, copy, 0, 16);
            tape.commit();
        });
    }
}
