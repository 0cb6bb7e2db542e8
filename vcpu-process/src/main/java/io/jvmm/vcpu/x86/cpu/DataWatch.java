package io.jvmm.vcpu.x86.cpu;

import io.jvmm.vcpu.x86.mmu.AccessWatch;

/** The debug registers of one vCPU as its Mmu asks for them. */
final class DataWatch implements AccessWatch {
    private final Cpu cpu;

    DataWatch(Cpu cpu) {
        this.cpu = cpu;
    }

    @Override
    public boolean isPageWatched(long linear) {
        return Debugging.isPageWatched(cpu, linear);
    }

    @Override
    public void accessed(long linear, int lengthBytes, boolean write) {
        Debugging.accessed(cpu, linear, lengthBytes, write);
    }
}
