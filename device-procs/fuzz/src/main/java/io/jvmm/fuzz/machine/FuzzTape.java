package io.jvmm.fuzz.machine;

import io.jvmm.device.api.trace.DeviceCall;
import io.jvmm.ipc.memory.MemoryTap;
import io.jvmm.ipc.trace.RecordingTape;
import io.jvmm.ipc.trace.Tape;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.jspecify.annotations.Nullable;

/**
 * The tape of a fuzz machine: not live, as in a replay, but its answers are a {@link HostModel}'s, and its memory changes while one looks. All that passes can be
 * written down on another tape, which a replay then plays. Allocates nothing.
 */
final class FuzzTape implements Tape, MemoryTap {
    private static final int ENOMEM = 12;

    private final HostModel host;
    private @Nullable RecordingTape recorder;
    private int readsUntilFlip;
    private long flipOffset;
    private byte flipValue;
    private @Nullable FuzzMemory memory;

    FuzzTape(HostModel host) {
        this.host = host;
    }

    /** From now on everything is written down, or nothing. */
    void recordTo(@Nullable RecordingTape newRecorder) {
        recorder = newRecorder;
    }

    @Nullable
    RecordingTape recorder() {
        return recorder;
    }

    /** The memory whose bytes change. */
    void over(FuzzMemory fuzzMemory) {
        memory = fuzzMemory;
    }

    void clear() {
        readsUntilFlip = 0;
    }

    /** Before the nth read from now on a byte changes; 0: before the next one. */
    void flip(int nth, long offset, int value) {
        readsUntilFlip = nth + 1;
        flipOffset = offset;
        flipValue = (byte) value;
    }

    /** Where a byte is yet to change; -1 when none is. */
    long pendingFlip() {
        return readsUntilFlip == 0 ? -1 : flipOffset;
    }

    // ---- host

    @Override
    public boolean live() {
        return false;
    }

    @Override
    public void call(int method, long a, long b, long c, long nowNs) {
        RecordingTape tape = recorder;
        if (tape != null) {
            tape.call(method, a, b, c, nowNs);
        }
    }

    @Override
    public void callBytes(DirectBuffer bytes, int offset, int lengthBytes) {
        RecordingTape tape = recorder;
        if (tape != null) {
            tape.callBytes(bytes, offset, lengthBytes);
        }
    }

    @Override
    public long answer(int method, long value) {
        long chosen = host.answer(method);
        RecordingTape tape = recorder;
        return tape == null ? chosen : tape.answer(method, chosen);
    }

    @Override
    public void answerBytes(int method, MutableDirectBuffer bytes, int offset, int lengthBytes) {
        host.answerBytes(method, bytes, offset, lengthBytes);
        RecordingTape tape = recorder;
        if (tape != null) {
            tape.answerBytes(method, bytes, offset, lengthBytes);
        }
    }

    @Override
    public void output(int method, long a, long b, long c) {
        host.output(method, a, b, c);
        RecordingTape tape = recorder;
        if (tape != null) {
            tape.output(method, a, b, c);
        }
    }

    @Override
    public void outputBytes(int method, DirectBuffer bytes, int offset, int lengthBytes) {
        RecordingTape tape = recorder;
        if (tape != null) {
            tape.outputBytes(method, bytes, offset, lengthBytes);
        }
    }

    @Override
    public void commit() {
        RecordingTape tape = recorder;
        if (tape != null) {
            tape.commit();
        }
    }

    /** An effect of the device's, which is nobody's business but a recorder's. */
    void effect(DeviceCall effect, long a, long b) {
        RecordingTape tape = recorder;
        if (tape != null) {
            tape.output(effect.code(), a, b, 0);
        }
    }

    // ---- memory

    /** Pages are not given back to anybody. */
    @Override
    public boolean memoryIsLive() {
        return false;
    }

    /** Whether this read is the one before which memory changes; it has, then. */
    private boolean flips() {
        if (readsUntilFlip == 0 || --readsUntilFlip > 0) {
            return false;
        }
        FuzzMemory changed = memory;
        if (changed != null) {
            changed.put(flipOffset, flipValue);
        }
        return true;
    }

    @Override
    public long read(long offset, int widthBytes, long value) {
        long seen = value;
        long into = flipOffset - offset;
        if (flips() && into >= 0 && into < widthBytes) {
            int shift = (int) into * Byte.SIZE;
            seen = (seen & ~(0xFFL << shift)) | ((flipValue & 0xFFL) << shift);
        }
        RecordingTape tape = recorder;
        return tape == null ? seen : tape.read(offset, widthBytes, seen);
    }

    @Override
    public void written(long offset, int widthBytes, long value) {
        RecordingTape tape = recorder;
        if (tape != null) {
            tape.written(offset, widthBytes, value);
        }
    }

    @Override
    public void copiedOut(long offset, MemorySegment target, long targetOffset, long lengthBytes) {
        long into = flipOffset - offset;
        if (flips() && into >= 0 && into < lengthBytes) {
            target.set(ValueLayout.JAVA_BYTE, targetOffset + into, flipValue);
        }
        RecordingTape tape = recorder;
        if (tape != null) {
            tape.copiedOut(offset, target, targetOffset, lengthBytes);
        }
    }

    @Override
    public void copiedIn(long offset, MemorySegment source, long sourceOffset, long lengthBytes) {
        RecordingTape tape = recorder;
        if (tape != null) {
            tape.copiedIn(offset, source, sourceOffset, lengthBytes);
        }
    }

    @Override
    public long discarded(long offset, long lengthBytes, long result) {
        RecordingTape tape = recorder;
        if (tape != null) {
            tape.output(MemoryTap.METHOD_DISCARD, offset, lengthBytes, 0);
        }
        long answer = host.chosen().next() % 4 == 1 ? -ENOMEM : 0;
        return tape == null ? answer : tape.answer(MemoryTap.METHOD_DISCARD, answer);
    }
}
