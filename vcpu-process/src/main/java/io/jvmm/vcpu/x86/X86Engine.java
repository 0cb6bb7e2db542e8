package io.jvmm.vcpu.x86;

import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.vcpu.engine.Engine;
import io.jvmm.vcpu.engine.MessageInterrupt;
import io.jvmm.vcpu.engine.Vcpu;
import io.jvmm.vcpu.x86.apic.ApicBus;
import io.jvmm.vcpu.x86.apic.Chipset;
import io.jvmm.vcpu.x86.apic.LocalApic;
import io.jvmm.vcpu.x86.apic.VcpuInterrupts;
import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Cpuid;
import io.jvmm.vcpu.x86.interp.CodeCache;
import io.jvmm.vcpu.x86.interp.Executor;
import io.jvmm.vcpu.x86.interp.FpuStateSteps;
import io.jvmm.vcpu.x86.interp.IntegerFactory;
import io.jvmm.vcpu.x86.interp.StepFactory;
import io.jvmm.vcpu.x86.interp.SystemFactory;
import io.jvmm.vcpu.x86.interp.TranslationQueue;
import io.jvmm.vcpu.x86.interp.X87ControlSteps;
import io.jvmm.vcpu.x86.interp.X87FunctionSteps;
import io.jvmm.vcpu.x86.interp.X87MoveSteps;
import io.jvmm.vcpu.x86.interp.X87Steps;
import io.jvmm.vcpu.x86.mmu.GuestException;
import io.jvmm.vcpu.x86.mmu.Mmu;
import io.jvmm.vcpu.x86.mmu.PhysicalMemory;
import io.jvmm.vcpu.x86.simd.SimdFactory;
import io.jvmm.vcpu.x86.translate.Translator;
import io.jvmm.vcpu.x86.translate.TranslatorOptions;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One virtual machine on software processors, with the interrupt controllers and timers of a PC in Java. Needs nothing of the host but
 * memory, eventfds and threads: one a vCPU, which is the caller's, and one that watches interrupt eventfds.
 */
public final class X86Engine implements Engine {
    /** APIC ids are bytes for the IOAPIC, and ff is the broadcast. */
    public static final int MOST_VCPUS = 255;

    private static final int SLOTS = 32;
    /** Entries after which a block is worth translating (1,500 to 5,000 are alike). */
    private static final int HOT = 1_500;
    /** Heap for decoded code. */
    private static final long CODE_BYTES = 96L << 20;

    private final int vcpuCount;
    private final MachineTime time;
    private final PhysicalMemory memory = new PhysicalMemory();
    private final @Nullable Translator translator =
            Boolean.getBoolean("jvmm.x86.interpret") ? null : new Translator(TranslatorOptions.DEFAULT);
    private final CodeCache code = new CodeCache(
            memory, factories(), translator == null ? TranslationQueue.NONE : translator, HOT, CODE_BYTES);
    private final ApicBus bus;
    private final InterruptWatcher watcher = new InterruptWatcher(this::fail);
    private final Chipset chipset;
    private final Doorbells doorbells = new Doorbells();
    private final List<X86Vcpu> vcpus = new ArrayList<>();

    private X86Engine(int vcpuCount, MachineTime time) {
        if (vcpuCount < 1 || vcpuCount > MOST_VCPUS) {
            throw new IllegalArgumentException(vcpuCount + " vCPUs: this engine takes 1 to " + MOST_VCPUS);
        }
        this.vcpuCount = vcpuCount;
        this.time = time;
        this.bus = new ApicBus(vcpuCount);
        this.chipset = new Chipset(bus, watcher::acknowledged);
    }

    /** What makes steps of instructions, in the order in which they are asked. */
    static List<StepFactory> factories() {
        return List.of(
                new IntegerFactory(),
                new SystemFactory(),
                new FpuStateSteps(),
                new X87ControlSteps(),
                new X87Steps(),
                new X87MoveSteps(),
                new X87FunctionSteps(),
                new SimdFactory());
    }

    /** A machine without memory and vCPUs, of which it will have {@code vcpuCount}. */
    public static X86Engine create(int vcpuCount) {
        return new X86Engine(vcpuCount, MachineTime.real());
    }

    /** A machine with one vCPU whose time is the number of its instructions: it lives the same life every time. */
    public static X86Engine createDeterministic() {
        return new X86Engine(1, new CountedTime());
    }

    @Override
    public String name() {
        return "x86";
    }

    @Override
    public int physicalAddressBits() {
        return Cpuid.PHYSICAL_BITS;
    }

    @Override
    public void mapMemory(
            int slot, long guestPhysicalAddress, long lengthBytes, MemorySegment hostMemory, boolean readOnly) {
        if (slot < 0 || slot >= SLOTS) {
            throw new IllegalArgumentException("memory slot " + slot);
        }
        for (final X86Vcpu vcpu : vcpus) {
            if (vcpu.isBound()) {
                // Its TLBs know where memory was.
                throw new IllegalStateException("memory is mapped before vCPUs run");
            }
        }
        memory.map(slot, guestPhysicalAddress, lengthBytes, hostMemory, readOnly);
        code.clear();
    }

    @Override
    public void lockRomArea(long pages) {
        memory.lockRomArea(pages);
        for (final X86Vcpu vcpu : vcpus) {
            vcpu.forgetPermissions();
        }
    }

    @Override
    public Vcpu createVcpu(int index) {
        if (index != vcpus.size() || index >= vcpuCount) {
            throw new IllegalArgumentException("vCPU " + index + " after " + vcpus.size() + " of " + vcpuCount);
        }
        final GuestException exception = new GuestException();
        final LocalApic apic = new LocalApic(index, bus, () -> wake(index));
        final VcpuInterrupts interrupts = new VcpuInterrupts(apic, chipset, time, exception);
        final DeviceBus devices = new DeviceBus(interrupts, chipset, doorbells, time, () -> wake(0));
        final Mmu mmu = new Mmu(memory, devices, exception, code);
        final Cpu cpu = new Cpu(index, mmu, devices, interrupts, time, exception);
        cpu.cpuid = new Cpuid(index, vcpuCount);
        interrupts.attach(cpu);
        devices.attach(cpu);
        if (time instanceof CountedTime counted) {
            counted.follow(cpu);
        }
        final X86Vcpu vcpu = new X86Vcpu(cpu, new Executor(cpu, code), interrupts, devices, memory, time);
        vcpus.add(vcpu);
        apic.wireAsFirmware();
        return vcpu;
    }

    /** The machine cannot go on: every vCPU says so. Any thread. */
    private void fail(String reason) {
        for (final X86Vcpu vcpu : vcpus) {
            vcpu.fail(reason);
        }
    }

    /** Any thread; nobody is there yet while the machine is built. */
    private void wake(int index) {
        if (index < vcpus.size()) {
            vcpus.get(index).wake();
        }
    }

    @Override
    public void attachInterrupt(int gsi, Fd eventFd, @Nullable Fd resampleFd) {
        if (gsi < 0 || gsi >= Chipset.GSIS) {
            throw new IllegalArgumentException("GSI " + gsi);
        }
        watcher.add(gsi, eventFd, resampleFd);
    }

    @Override
    public MessageInterrupt attachMessage(Fd eventFd) {
        return watcher.addMessage(eventFd, chipset, bus);
    }

    @Override
    public void attachDoorbell(long address, int widthBytes, boolean pio, long match, Fd eventFd) {
        addDoorbell(address, widthBytes, pio, false, match, eventFd);
    }

    @Override
    public void attachDoorbell(long address, int widthBytes, boolean pio, Fd eventFd) {
        addDoorbell(address, widthBytes, pio, true, 0, eventFd);
    }

    private void addDoorbell(long address, int widthBytes, boolean pio, boolean any, long match, Fd eventFd) {
        if (widthBytes != 1 && widthBytes != 2 && widthBytes != 4 && widthBytes != 8) {
            throw new IllegalArgumentException("doorbell of " + widthBytes + " bytes");
        }
        doorbells.add(pio, address, widthBytes, any, match, EventFd.of(eventFd.duplicate()));
    }

    @Override
    public void prepare() {
        if (translator != null) {
            translator.start(code);
        }
        watcher.start(chipset);
    }

    @Override
    public int stateLengthBytes() {
        return Math.toIntExact(X86StateLayout.of(vcpuCount).byteSize());
    }

    @Override
    public int stateVersion() {
        return X86StateLayout.VERSION;
    }

    @Override
    public void saveState(MemorySegment into) {
        parts().save(into);
    }

    @Override
    public void loadState(MemorySegment from) {
        parts().load(from);
        // What was decoded belongs to memory as it was.
        code.clear();
    }

    private MachineParts parts() {
        if (vcpus.size() != vcpuCount) {
            throw new IllegalStateException(vcpus.size() + " vCPUs of " + vcpuCount + " have been made");
        }
        return new MachineParts(time, chipset, bus, vcpus, () -> watcher.collect(chipset));
    }

    /** Registers of vCPU {@code index}: for tests and tools in this process. */
    Cpu cpu(int index) {
        return vcpus.get(index).cpu();
    }

    @Override
    public void close() {
        if (translator != null) {
            translator.close();
        }
        watcher.close();
        doorbells.close();
    }
}
