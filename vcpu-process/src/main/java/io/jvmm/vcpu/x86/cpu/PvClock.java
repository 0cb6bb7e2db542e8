package io.jvmm.vcpu.x86.cpu;

import io.jvmm.vcpu.x86.mmu.HostMemory;
import io.jvmm.vcpu.x86.mmu.PhysicalMemory;

/**
 * KVM's paravirtual clock (Linux: Documentation/virt/kvm/x86/msr.rst): from it a guest learns how fast the time-stamp
 * counter runs, without calibrating it against a timer.
 *
 * <pre>
 *   pvclock      +0 version u32   +8 tsc_timestamp u64  +16 system_time u64
 *               +24 tsc_to_system_mul u32  +28 tsc_shift s8  +29 flags u8
 *   wall clock   +0 version u32   +4 sec u32  +8 nsec u32
 * </pre>
 *
 * time = system_time + (((tsc - tsc_timestamp) &lt;&lt; tsc_shift) * tsc_to_system_mul &gt;&gt; 32). The counter runs
 * at 1 GHz and differs from the machine's time by a constant, so the structure is written once, and says the same on
 * every vCPU. An odd version means "being written".
 */
final class PvClock {
    private static final int CLOCK_BYTES = 32;
    private static final int WALL_BYTES = 12;
    private static final int MULTIPLIER = 0x8000_0000;
    private static final int SHIFT = 1;
    /** The counters of all vCPUs agree. */
    private static final int TSC_STABLE = 1;

    private static final int NS_PER_SECOND = 1_000_000_000;

    private PvClock() {}

    /** Writes the structure whose address MSR 4b564d01 holds, if it is switched on and lies in RAM. */
    static void writeClock(Cpu cpu) {
        if ((cpu.msrs.pvClock & 1) == 0) {
            return;
        }
        final long at = place(cpu, cpu.msrs.pvClock & ~1L, CLOCK_BYTES);
        if (at == PhysicalMemory.NONE) {
            return;
        }
        final int version = HostMemory.get32(at) | 1;
        HostMemory.put32(at, version);
        HostMemory.put64(at + 8, cpu.tscOffset);
        HostMemory.put64(at + 16, 0);
        HostMemory.put32(at + 24, MULTIPLIER);
        HostMemory.put32(at + 28, SHIFT | TSC_STABLE << 8);
        HostMemory.put32(at, version + 1);
        cpu.mmu.wrotePhysical(cpu.msrs.pvClock & ~1L, CLOCK_BYTES);
    }

    /** Writes the wall-clock time at which the machine's time was 0. */
    static void writeWallClock(Cpu cpu) {
        final long at = place(cpu, cpu.msrs.pvWallClock, WALL_BYTES);
        if (at == PhysicalMemory.NONE) {
            return;
        }
        final long start = cpu.time.wallClockNs() - cpu.time.nowNs();
        final int version = HostMemory.get32(at) | 1;
        HostMemory.put32(at, version);
        HostMemory.put32(at + 4, (int) (start / NS_PER_SECOND));
        HostMemory.put32(at + 8, (int) (start % NS_PER_SECOND));
        HostMemory.put32(at, version + 1);
        cpu.mmu.wrotePhysical(cpu.msrs.pvWallClock, WALL_BYTES);
    }

    /** Host address of a structure within one page of writable RAM. The address is the guest's: it may be anything. */
    private static long place(Cpu cpu, long address, int bytes) {
        final PhysicalMemory memory = cpu.mmu.memory();
        final boolean inPage = (address & (PhysicalMemory.PAGE_BYTES - 1)) <= PhysicalMemory.PAGE_BYTES - bytes;
        return inPage && memory.isWritable(address) ? memory.host(address) : PhysicalMemory.NONE;
    }
}
