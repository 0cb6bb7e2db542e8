package io.jvmm.vcpu.board;

import io.jvmm.vcpu.engine.BootState;
import io.jvmm.vcpu.engine.ExitKind;
import io.jvmm.vcpu.engine.ExitView;
import io.jvmm.vcpu.engine.Vcpu;
import io.jvmm.vcpu.engine.VcpuRegisters;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** A vCPU whose guest is a script of exits, played in a loop or once; after that it sleeps until kicked, as in HLT. */
final class ScriptedVcpu implements Vcpu, ExitView {
    record Step(ExitKind kind, long address, int widthBytes, int count, long value) {}

    private final int index;
    private final Step[] steps;
    private final boolean endless;
    private final Step rest = new Step(ExitKind.KICKED, 0, 1, 1, 0);
    private Step current = rest;
    private int next;
    private volatile boolean kicked;
    private volatile @Nullable Thread sleeper;

    volatile long runs;
    final long[] completed = new long[4096];
    int completions;
    volatile boolean scriptDone;
    volatile boolean deaf;
    volatile @Nullable RuntimeException bindFailure;

    ScriptedVcpu(int index, boolean endless, Step... steps) {
        this.index = index;
        this.endless = endless;
        this.steps = steps;
    }

    static Step in(long port, int width) {
        return new Step(ExitKind.PIO_READ, port, width, 1, 0);
    }

    static Step out(long port, int width, long value) {
        return new Step(ExitKind.PIO_WRITE, port, width, 1, value);
    }

    static Step of(ExitKind kind) {
        return new Step(kind, 0, 1, 1, 0);
    }

    @Override
    public int index() {
        return index;
    }

    @Override
    public void bind() {
        final RuntimeException failure = bindFailure;
        if (failure != null) {
            throw failure;
        }
    }

    @Override
    @SuppressWarnings("NonAtomicVolatileUpdate") // one writer
    public ExitKind run() {
        runs++;
        if (kicked) {
            kicked = false;
            current = rest;
            return ExitKind.KICKED;
        }
        if (next == steps.length && endless) {
            next = 0;
        }
        if (next < steps.length) {
            current = steps[next++];
            return current.kind;
        }
        scriptDone = true;
        sleeper = Thread.currentThread();
        while (!kicked) {
            LockSupport.park(this);
        }
        sleeper = null;
        kicked = false;
        current = rest;
        return ExitKind.KICKED;
    }

    @Override
    public ExitView exit() {
        return this;
    }

    @Override
    public void kick() {
        if (deaf) {
            return;
        }
        kicked = true;
        final Thread t = sleeper;
        if (t != null) {
            LockSupport.unpark(t);
        }
    }

    @Override
    public void setBootState(BootState state) {}

    @Override
    public boolean settle() {
        return true;
    }

    @Override
    public VcpuRegisters snapshot() {
        final var g = new VcpuRegisters.General(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
        final var s = new VcpuRegisters.Segment(0, 0, 0xFFFF, 0x93);
        return new VcpuRegisters(
                index,
                g,
                0x1234,
                2,
                0x10,
                0,
                0,
                0,
                0,
                0,
                new VcpuRegisters.Table(0, 0xFFFF),
                new VcpuRegisters.Table(0, 0xFFFF),
                new VcpuRegisters.Segments(s, s, s, s, s, s, s, s));
    }

    @Override
    public byte[] readLinear(long linearAddress, int lengthBytes) {
        return new byte[] {0x0F, 0x0B};
    }

    @Override
    public long address() {
        return current.address;
    }

    @Override
    public int widthBytes() {
        return current.widthBytes;
    }

    @Override
    public int count() {
        return current.count;
    }

    @Override
    public long value(int i) {
        return current.value + i;
    }

    @Override
    public void complete(int i, long value) {
        completed[i] = value;
        completions++;
    }

    @Override
    public String failure() {
        return current.kind.isFatal() ? "0f 0b" : "";
    }
}
