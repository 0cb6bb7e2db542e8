package io.jvmm.vcpu.x86;

import io.jvmm.vcpu.engine.BootState;
import io.jvmm.vcpu.engine.ExitKind;
import io.jvmm.vcpu.engine.ExitView;
import io.jvmm.vcpu.engine.PortHandler;
import io.jvmm.vcpu.engine.Vcpu;
import io.jvmm.vcpu.engine.VcpuRegisters;
import io.jvmm.vcpu.state.StateCursor;
import io.jvmm.vcpu.x86.apic.LocalApic;
import io.jvmm.vcpu.x86.apic.VcpuInterrupts;
import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.CpuState;
import io.jvmm.vcpu.x86.cpu.ResetState;
import io.jvmm.vcpu.x86.interp.Executor;
import io.jvmm.vcpu.x86.mmu.HostMemory;
import io.jvmm.vcpu.x86.mmu.PhysicalMemory;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Arrays;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A software processor: runs the executor, sleeps where the guest halts, answers requests of other threads.
 *
 * <p>Requests (a kick, an interrupt message, INIT) are published first, then {@link #wake()} sets {@code Cpu.attention} and, if the
 * thread sleeps, unparks it. The thread clears the attention first and looks at the requests then, so that none is lost.
 */
final class X86Vcpu implements Vcpu {
    /** Instructions between two looks at the clock: 5 to 50 microseconds. */
    private static final int SLICE = 2_000;

    private static final int PAGE_MASK = PhysicalMemory.PAGE_BYTES - 1;

    private final int index;
    private final Cpu cpu;
    private final Executor executor;
    private final VcpuInterrupts interrupts;
    private final DeviceBus devices;
    private final PhysicalMemory memory;
    private final MachineTime time;

    private volatile @Nullable Thread thread;
    private volatile boolean asleep;
    private volatile boolean kicked;
    private volatile boolean permissionsOld;
    /** Why the machine cannot go on, or empty. */
    private volatile String broken = "";
    /** Waits for its start-up message (SDM 3A 9.4.3). */
    private boolean waitsForStartup;
    /** {@link #settle()} met an exit that nobody has seen yet. */
    private boolean exitUnseen;

    X86Vcpu(
            Cpu cpu,
            Executor executor,
            VcpuInterrupts interrupts,
            DeviceBus devices,
            PhysicalMemory memory,
            MachineTime time) {
        this.index = cpu.index;
        this.cpu = cpu;
        this.executor = executor;
        this.interrupts = interrupts;
        this.devices = devices;
        this.memory = memory;
        this.time = time;
        ResetState.reset(cpu);
        // Secondary processors too have been through firmware, as their MTRRs show.
        ResetState.firmware(cpu);
        waitsForStartup = index != 0;
    }

    Cpu cpu() {
        return cpu;
    }

    @Override
    public int index() {
        return index;
    }

    @Override
    public void bind() {
        thread = Thread.currentThread();
    }

    /** Whether it has a thread: it may have run. */
    boolean isBound() {
        return thread != null;
    }

    @Override
    public void answerPorts(PortHandler handler) {
        devices.answerPorts(handler);
    }

    @Override
    public ExitView exit() {
        return devices;
    }

    @Override
    public void kick() {
        kicked = true;
        wake();
    }

    /** Memory that took writes takes none any more, or the reverse: what the TLBs know of it is old. Any thread. */
    void forgetPermissions() {
        if (Thread.currentThread().equals(thread)) {
            cpu.mmu.flushAll();
        } else {
            permissionsOld = true;
            wake();
        }
    }

    /** Something that the processor needs is gone: {@link #run()} says so soon. Any thread. */
    void fail(String reason) {
        broken = reason;
        wake();
    }

    /** Makes the processor's thread look at its requests soon. Any thread. */
    void wake() {
        cpu.requestAttention();
        if (asleep) {
            LockSupport.unpark(thread);
        }
    }

    @Override
    public ExitKind run() {
        if (thread == null) {
            bind();
        }
        try {
            return runGuest();
        } catch (RuntimeException | StackOverflowError | AssertionError e) {
            devices.fail(describe(e));
            return ExitKind.INTERNAL_ERROR;
        }
    }

    private ExitKind runGuest() {
        if (exitUnseen) {
            exitUnseen = false;
            return devices.pending(cpu);
        }
        if (devices.isPending() && finishInstruction()) {
            return devices.pending(cpu);
        }
        while (true) {
            if (!broken.isEmpty()) {
                devices.fail(broken);
                return ExitKind.INTERNAL_ERROR;
            }
            if (permissionsOld) {
                permissionsOld = false;
                cpu.mmu.flushAll();
            }
            if (kicked) {
                kicked = false;
                return ExitKind.KICKED;
            }
            if (interrupts.apic().isStartupPending()) {
                startup(interrupts.apic().takeStartup());
            }
            if (cpu.shutdown) {
                return ExitKind.SHUTDOWN;
            }
            if (waitsForStartup) {
                sleep();
                continue;
            }
            switch (executor.run(SLICE)) {
                case BUDGET -> tick();
                case ATTENTION -> {
                    cpu.clearAttention();
                    tick();
                }
                case HALTED -> sleep();
                case DEVICE -> {
                    return devices.pending(cpu);
                }
                case SHUTDOWN -> {
                    return ExitKind.SHUTDOWN;
                }
            }
        }
    }

    /**
     * Runs the instruction whose access the board has answered: that one alone, and before any interrupt, as the processor
     * would have.
     *
     * @return whether it has met a further access
     */
    private boolean finishInstruction() {
        devices.rewind(cpu);
        if (executor.runInstruction() == Executor.Stop.DEVICE) {
            return true;
        }
        devices.clear();
        return false;
    }

    private void tick() {
        final long now = time.nowNs();
        if (interrupts.nextDeadlineNs() <= now) {
            interrupts.tick(now);
        }
    }

    /** Until a request or a deadline. */
    private void sleep() {
        asleep = true;
        while (!cpu.attention()) {
            final long deadline = waitsForStartup ? Long.MAX_VALUE : interrupts.nextDeadlineNs();
            if (deadline == Long.MAX_VALUE) {
                LockSupport.park(this);
            } else {
                final long left = deadline - time.nowNs();
                if (left <= 0 || time.skipTo(deadline)) {
                    break;
                }
                LockSupport.parkNanos(this, left);
            }
        }
        asleep = false;
        cpu.clearAttention();
        tick();
    }

    /** INIT and start-up messages (SDM 3A 9.4.3): the boot processor begins at its reset vector, the others wait. */
    private void startup(int messages) {
        if ((messages & LocalApic.STARTUP_INIT) != 0) {
            ResetState.init(cpu);
            interrupts.apic().init();
            devices.clear();
            waitsForStartup = index != 0;
        }
        if (waitsForStartup && (messages & LocalApic.STARTUP_SIPI) != 0) {
            ResetState.startup(cpu, messages & 0xff);
            waitsForStartup = false;
        }
    }

    @Override
    public void setBootState(BootState state) {
        ResetState.reset(cpu);
        waitsForStartup = false;
        switch (state.mode()) {
            case LONG_64 -> ResetState.long64(cpu, state.rip(), state.cr3(), state.gdtBase(), state.gdtLimit());
            case PROTECTED_32 -> ResetState.protected32(cpu, state.rip(), state.gdtBase(), state.gdtLimit());
            case REAL_16 -> ResetState.real16(cpu, state.codeSelector(), state.codeBase(), (int) state.rip());
        }
        cpu.r[Cpu.RSP] = state.rsp();
        cpu.r[Cpu.RSI] = state.rsi();
        cpu.r[Cpu.RBX] = state.rbx();
    }

    @Override
    public boolean settle() {
        // A repeated string instruction whose items are answered at once ends with the next one.
        cpu.requestAttention();
        if (!exitUnseen && devices.isPending() && finishInstruction()) {
            devices.pending(cpu);
            // The next item of a repeated instruction, which is a boundary too: it begins anew.
            exitUnseen = !devices.forgetUnanswered();
        }
        return !exitUnseen;
    }

    /**
     * Saves or loads this vCPU; it does not run, and is settled. What is wanted of it (a kick, attention) is not part of its state.
     *
     * @throws IllegalArgumentException when what is loaded is no state of a vCPU
     */
    void transfer(StateCursor state, long nowNs) {
        waitsForStartup = state.flag(waitsForStartup);
        state.require(index != 0 || !waitsForStartup, "the boot processor waits for nobody");
        state.zero(7);
        CpuState.transfer(cpu, state);
        interrupts.apic().transfer(state, nowNs);
        if (state.loads()) {
            exitUnseen = false;
            devices.clear();
        }
    }

    @Override
    public VcpuRegisters snapshot() {
        settle();
        return Snapshots.of(cpu, interrupts.taskPriority());
    }

    @Override
    public byte[] readLinear(long linearAddress, int lengthBytes) {
        final byte[] bytes = new byte[lengthBytes];
        int done = 0;
        while (done < lengthBytes) {
            final long linear = linearAddress + done;
            final long physical = cpu.mmu.translateDebug(linear);
            final long host = physical < 0 ? PhysicalMemory.NONE : memory.host(physical);
            if (host == PhysicalMemory.NONE) {
                break;
            }
            final int chunk = Math.min(PhysicalMemory.PAGE_BYTES - (int) (linear & PAGE_MASK), lengthBytes - done);
            for (int i = 0; i < chunk; i++) {
                bytes[done + i] = (byte) HostMemory.get8(host + i);
            }
            done += chunk;
        }
        return Arrays.copyOf(bytes, done);
    }

    private String describe(Throwable bug) {
        final StringWriter text = new StringWriter();
        bug.printStackTrace(new PrintWriter(text));
        return "bug at rip " + Long.toHexString(cpu.rip) + " in block " + Long.toHexString(cpu.blockRip) + " after "
                + cpu.retired + " instructions: " + text;
    }
}
