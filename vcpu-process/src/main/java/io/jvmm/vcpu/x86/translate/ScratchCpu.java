package io.jvmm.vcpu.x86.translate;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.InterruptUnit;
import io.jvmm.vcpu.x86.mmu.CodeWriteListener;
import io.jvmm.vcpu.x86.mmu.DeviceSpace;
import io.jvmm.vcpu.x86.mmu.GuestException;
import io.jvmm.vcpu.x86.mmu.Mmu;
import io.jvmm.vcpu.x86.mmu.PhysicalMemory;

/** Processors of no machine, with neither devices nor interrupts. */
final class ScratchCpu {
    private ScratchCpu() {}

    /** One without memory. */
    static Cpu create() {
        return create(new PhysicalMemory(), (_, _) -> {});
    }

    static Cpu create(PhysicalMemory memory, CodeWriteListener code) {
        final GuestException exception = new GuestException();
        final NoDevices nothing = new NoDevices();
        return new Cpu(0, new Mmu(memory, nothing, exception, code), nothing, nothing, () -> 0, exception);
    }

    private static final class NoDevices implements DeviceSpace, InterruptUnit {
        @Override
        public long readMemory(long guestPhysicalAddress, int widthBytes) {
            return -1;
        }

        @Override
        public void writeMemory(long guestPhysicalAddress, int widthBytes, long value) {}

        @Override
        public int in(int port, int widthBytes) {
            return -1;
        }

        @Override
        public void out(int port, int widthBytes, int value) {}

        @Override
        public boolean isInterruptPending() {
            return false;
        }

        @Override
        public int acknowledge() {
            return -1;
        }

        @Override
        public boolean takeNmi() {
            return false;
        }

        @Override
        public int taskPriority() {
            return 0;
        }

        @Override
        public void setTaskPriority(int priority) {}

        @Override
        public long readMsr(int number) {
            return 0;
        }

        @Override
        public void writeMsr(int number, long value) {}

        @Override
        public long nextDeadlineNs() {
            return Long.MAX_VALUE;
        }

        @Override
        public void tick(long nowNs) {}
    }
}
