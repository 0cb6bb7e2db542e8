package io.jvmm.vcpu.kvm;

import io.jvmm.ipc.Allocations;
import io.jvmm.vcpu.engine.ExitsContract;
import io.jvmm.vcpu.engine.TestMachine;

/** Main class of a forked JVM: what 4,000 exits allocate there. */
final class ExitAllocation {
    private ExitAllocation() {}

    public static void main(String[] args) {
        try (TestMachine machine = TestMachine.real(KvmMachines::engine, "ba f8 03 ee ec eb fc")) {
            long least = Allocations.leastIn(() -> ExitsContract.loop(machine, 4_000), Thread.currentThread());
            System.out.println(least + " bytes");
        }
    }
}
