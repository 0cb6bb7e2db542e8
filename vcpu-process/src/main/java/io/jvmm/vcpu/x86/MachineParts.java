package io.jvmm.vcpu.x86;

import io.jvmm.vcpu.state.StateCursor;
import io.jvmm.vcpu.x86.apic.ApicBus;
import io.jvmm.vcpu.x86.apic.Chipset;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * The parts of a machine that have state, in the order of {@link X86StateLayout}: saves and loads it. No vCPU may run meanwhile; any
 * thread that has seen them stand still.
 *
 * @param collector takes in the interrupts that have been signalled so far
 */
record MachineParts(MachineTime time, Chipset chipset, ApicBus bus, List<X86Vcpu> vcpus, Runnable collector) {
    /** Writes the state to the start of {@code into}. What is signalled before is in it. */
    void save(MemorySegment into) {
        // Interrupts from outside are raised under this lock, so that IOAPIC and local APICs fit together.
        synchronized (chipset) {
            collector.run();
            transfer(StateCursor.saving(into));
        }
    }

    /**
     * Takes a state over; who wrote it is not trusted. The machine has as many vCPUs as the one that was saved, and memory.
     *
     * @throws IllegalArgumentException when no machine could be in this state; nothing has changed then
     */
    void load(MemorySegment from) {
        final long lengthBytes = X86StateLayout.of(vcpus.size()).byteSize();
        if (from.byteSize() != lengthBytes) {
            throw new IllegalArgumentException("not the state of a machine with " + vcpus.size() + " vCPUs: "
                    + from.byteSize() + " bytes, expected " + lengthBytes);
        }
        synchronized (chipset) {
            final MemorySegment backup = MemorySegment.ofArray(new byte[(int) lengthBytes]);
            transfer(StateCursor.saving(backup));
            try {
                transfer(StateCursor.loading(from));
            } catch (IllegalArgumentException e) {
                transfer(StateCursor.loading(backup));
                throw e;
            }
        }
        // Whatever is pending is looked at.
        vcpus.forEach(X86Vcpu::wake);
    }

    private void transfer(StateCursor state) {
        final long nowNs = state.i64(time.nowNs(), 0, StateCursor.FAR_NS, "time");
        bus.transfer(state);
        state.zero(4);
        chipset.transfer(state, nowNs);
        for (final X86Vcpu vcpu : vcpus) {
            vcpu.transfer(state, nowNs);
        }
        if (state.loads()) {
            // Behind the processors: one kind of time counts their instructions.
            time.continueFrom(nowNs);
        }
    }
}
