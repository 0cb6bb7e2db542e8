package io.jvmm.vcpu.kvm;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;

/** Main class of a forked JVM: what 20,000 exits allocate there. */
final class ExitAllocation {
    private ExitAllocation() {}

    public static void main(String[] args) {
        final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (TestMachine machine = TestMachine.real("ba f8 03 ee ec eb fc")) {
            KvmExitsTest.loop(machine, 5_000);
            threads.getCurrentThreadAllocatedBytes(); // the first call allocates
            final long before = threads.getCurrentThreadAllocatedBytes();
            KvmExitsTest.loop(machine, 20_000);
            final long allocated = threads.getCurrentThreadAllocatedBytes() - before;
            System.out.println(allocated + " bytes");
        }
    }
}
