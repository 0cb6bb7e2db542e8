package io.jvmm.vcpu.kvm;

import static io.jvmm.vcpu.kvm.sys.KvmLayouts.MSRS;
import static io.jvmm.vcpu.kvm.sys.KvmLayouts.MSR_ENTRY;
import static io.jvmm.vcpu.kvm.sys.KvmLayouts.offset;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.jvmm.vcpu.kvm.sys.KvmFd;
import io.jvmm.vcpu.kvm.sys.KvmIoctl;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * What firmware would have left in the model-specific registers before it starts a kernel; everything else is KVM's reset
 * value. Addresses and values: SDM 4 table 2-2, SDM 3A 12.11 (memory types) and 12.12 (PAT).
 */
enum BootMsrs {
    SYSENTER_CS(0x174, 0),
    SYSENTER_ESP(0x175, 0),
    SYSENTER_EIP(0x176, 0),
    /** Fast string operations on; Linux uses REP MOVS for copies only when they are. */
    MISC_ENABLE(0x1a0, 1),
    /** WB, UC-, UC, WT ..: the power-on value, which Linux expects to find. */
    PAT(0x277, 0x0007_0406_0007_0406L),
    /** MTRRs on (bit 11), fixed ranges off, default type write-back (6): all RAM is cacheable, PAT marks device memory. */
    MTRR_DEF_TYPE(0x2ff, 0x806),
    STAR(0xc000_0081, 0),
    LSTAR(0xc000_0082, 0),
    CSTAR(0xc000_0083, 0),
    SYSCALL_MASK(0xc000_0084, 0),
    KERNEL_GS_BASE(0xc000_0102, 0),
    /** AMD: the TSC counts at P0 frequency (TscFreqSel, bit 24), else Linux complains about the firmware. */
    AMD_HWCR(0xc001_0015, 1 << 24);

    final int address;
    final long value;

    BootMsrs(int address, long value) {
        this.address = address;
        this.value = value;
    }

    /**
     * Sets them all. A processor type that lacks one (KVM_SET_MSRS stops there) keeps its reset value: SYSENTER does not
     * exist on every model KVM can pretend to be, Intel has no HWCR, older KVMs do not let its bit be set, and none of these is
     * worth refusing to start for.
     *
     * @return how many KVM refused
     */
    static int apply(KvmFd vcpu) {
        int refused = 0;
        try (Arena scratch = Arena.ofConfined()) {
            final MemorySegment one = scratch.allocate(MSRS.byteSize() + MSR_ENTRY.byteSize(), 8);
            one.set(JAVA_INT, offset(MSRS, "nmsrs"), 1);
            final MemorySegment entry = one.asSlice(MSRS.byteSize());
            for (BootMsrs msr : values()) {
                entry.set(JAVA_INT, offset(MSR_ENTRY, "index"), msr.address);
                entry.set(JAVA_LONG, offset(MSR_ENTRY, "data"), msr.value);
                if (vcpu.call(KvmIoctl.SET_MSRS, one, msr.name()) != 1) {
                    refused++;
                }
            }
        }
        return refused;
    }

    /** Reads one register, for tests. */
    static long read(KvmFd vcpu, int address) {
        try (Arena scratch = Arena.ofConfined()) {
            final MemorySegment one = scratch.allocate(MSRS.byteSize() + MSR_ENTRY.byteSize(), 8);
            one.set(JAVA_INT, offset(MSRS, "nmsrs"), 1);
            final MemorySegment entry = one.asSlice(MSRS.byteSize());
            entry.set(JAVA_INT, offset(MSR_ENTRY, "index"), address);
            if (vcpu.call(KvmIoctl.GET_MSRS, one) != 1) {
                throw new IllegalStateException("KVM knows no MSR " + Integer.toHexString(address));
            }
            return entry.get(JAVA_LONG, offset(MSR_ENTRY, "data"));
        }
    }
}
