package io.jvmm.vcpu.kvm;

import java.util.ArrayList;
import java.util.List;

/**
 * The CPUID table of one vCPU, made from what KVM can virtualize on this host ({@code KVM_GET_SUPPORTED_CPUID}).
 *
 * <p>Kept: every feature KVM virtualizes, the vendor and model, and KVM's own paravirtual leaves at 0x40000000 (clock,
 * steal time, PV spinlocks: a stock kernel finds them by the signature). Written anew per vCPU: the APIC ids and the
 * topology, which is one package of {@code vcpuCount} single-threaded cores. Withheld:
 *
 * <ul>
 *   <li>VMX and SVM: no nested guests, a large attack surface in the host's kernel;
 *   <li>SGX, which needs a provisioned enclave page cache;
 *   <li>the performance-monitoring unit: counters see what other tenants do;
 *   <li>the leaves for platform QoS, tracing and vendor frequency data that describe the host rather than the machine.
 * </ul>
 *
 * Pure; SDM 2A "CPUID", AMD APM 3 appendix E.
 */
final class GuestCpuid {
    /** Leaf of KVM's signature. */
    static final int HYPERVISOR_LEAF = 0x4000_0000;

    private static final int LEAF1_ECX_VMX = 1 << 5;
    private static final int LEAF1_ECX_X2APIC = 1 << 21;
    private static final int LEAF1_ECX_TSC_DEADLINE = 1 << 24;
    private static final int LEAF1_ECX_HYPERVISOR = 1 << 31;
    private static final int LEAF1_ECX_PDCM = 1 << 15;
    private static final int LEAF1_EDX_HTT = 1 << 28;
    private static final int LEAF7_EBX_SGX = 1 << 2;
    private static final int LEAF7_ECX_SGX_LC = 1 << 30;
    private static final int EXT1_ECX_CMP_LEGACY = 1 << 1;
    private static final int EXT1_ECX_SVM = 1 << 2;
    private static final int EXT1_ECX_PERFCTR_CORE = 1 << 23;
    private static final int EXT1_ECX_PERFCTR_NB = 1 << 24;

    private GuestCpuid() {}

    /**
     * The whole table of one vCPU.
     *
     * @param supported KVM's table
     * @param vcpu 0-based index, which is the APIC id
     * @param tscDeadline whether the in-kernel LAPIC has the TSC-deadline timer (KVM reports it as a capability)
     */
    static List<CpuidEntry> forVcpu(List<CpuidEntry> supported, int vcpu, int vcpuCount, boolean tscDeadline) {
        final List<CpuidEntry> table = new ArrayList<>(supported.size() + 4);
        boolean hypervisorLeaf = false;
        boolean extendedTopology = false;
        final boolean amd = isAmd(supported);
        for (CpuidEntry entry : supported) {
            final CpuidEntry kept = switch (entry.function()) {
                case 0x1 -> features(entry, vcpu, vcpuCount, tscDeadline);
                case 0x4, 0x8000_001d -> cacheSharing(entry, vcpuCount);
                case 0x7 ->
                    entry.index() == 0
                            ? entry.withEbx(entry.ebx() & ~LEAF7_EBX_SGX).withEcx(entry.ecx() & ~LEAF7_ECX_SGX_LC)
                            : entry;
                // Architectural performance monitoring, version 0: none.
                case 0xa -> CpuidEntry.leaf(0xa, 0, 0, 0, 0);
                // Monitoring and allocation of shared resources, SGX, processor trace, last branch records,
                // V2 topology (without it kernels read leaf 0xB).
                case 0xf, 0x10, 0x12, 0x14, 0x1c, 0x1f -> null;
                case 0xb -> {
                    extendedTopology = true;
                    yield null;
                }
                case HYPERVISOR_LEAF -> {
                    hypervisorLeaf = true;
                    yield entry;
                }
                case 0x8000_0001 -> extendedFeatures(entry, amd && vcpuCount > 1);
                case 0x8000_0008 -> amd ? entry.withEcx(coreCount(vcpuCount)) : entry;
                // SVM features, performance monitoring V2.
                case 0x8000_000a, 0x8000_0022 -> null;
                case 0x8000_001e -> entry.withEax(vcpu).withEbx(vcpu & 0xff).withEcx(0);
                default -> entry;
            };
            if (kept != null) {
                table.add(kept);
            }
        }
        if (extendedTopology || maximalLeaf(supported) >= 0xb) {
            addTopology(table, vcpu, vcpuCount);
        }
        if (!hypervisorLeaf) {
            table.add(CpuidEntry.leaf(HYPERVISOR_LEAF, HYPERVISOR_LEAF, 0x4b4d_564b, 0x564b_4d56, 0x4d));
        }
        return table;
    }

    /** Number of guest-physical address bits the table tells; 36 where it does not say (SDM: processors without the leaf). */
    static int physicalAddressBits(List<CpuidEntry> table) {
        for (CpuidEntry entry : table) {
            if (entry.function() == 0x8000_0008) {
                // KVM may report a smaller usable width in bits 16..23 (GuestPhysAddrSize).
                final int guest = (entry.eax() >>> 16) & 0xff;
                return guest != 0 ? guest : entry.eax() & 0xff;
            }
        }
        return 36;
    }

    private static CpuidEntry features(CpuidEntry entry, int vcpu, int vcpuCount, boolean tscDeadline) {
        int ebx = entry.ebx() & 0x0000_ffff;
        ebx |= Math.min(vcpuCount, 255) << 16;
        ebx |= vcpu << 24;
        int ecx = entry.ecx() & ~(LEAF1_ECX_VMX | LEAF1_ECX_PDCM);
        ecx |= LEAF1_ECX_HYPERVISOR | LEAF1_ECX_X2APIC;
        ecx = tscDeadline ? ecx | LEAF1_ECX_TSC_DEADLINE : ecx & ~LEAF1_ECX_TSC_DEADLINE;
        final int edx = vcpuCount > 1 ? entry.edx() | LEAF1_EDX_HTT : entry.edx() & ~LEAF1_EDX_HTT;
        return entry.withEbx(ebx).withEcx(ecx).withEdx(edx);
    }

    private static CpuidEntry extendedFeatures(CpuidEntry entry, boolean severalAmdCores) {
        int ecx = entry.ecx() & ~(EXT1_ECX_SVM | EXT1_ECX_PERFCTR_CORE | EXT1_ECX_PERFCTR_NB | EXT1_ECX_CMP_LEGACY);
        // AMD: "the logical processors of leaf 1 are cores"; reserved on Intel.
        if (severalAmdCores) {
            ecx |= EXT1_ECX_CMP_LEGACY;
        }
        return entry.withEcx(ecx);
    }

    /** Leaf 4 and AMD's 0x8000001D: L1 and L2 belong to one core, L3 to the package. */
    private static CpuidEntry cacheSharing(CpuidEntry entry, int vcpuCount) {
        if ((entry.eax() & 0x1f) == 0) {
            return entry;
        }
        final int level = (entry.eax() >>> 5) & 7;
        final int sharing = level >= 3 ? roundedUp(vcpuCount) - 1 : 0;
        int eax = (entry.eax() & 0x3fff) | (sharing << 14);
        if (entry.function() == 0x4) {
            eax |= Math.min(roundedUp(vcpuCount) - 1, 63) << 26;
        }
        return entry.withEax(eax);
    }

    /** AMD 0x80000008 ECX: ApicIdSize and NC. */
    private static int coreCount(int vcpuCount) {
        return (shift(vcpuCount) << 12) | (Math.min(vcpuCount, 256) - 1);
    }

    /** Leaf 0xB: level 0 one thread a core, level 1 all cores in one package; EDX is the x2APIC id. */
    private static void addTopology(List<CpuidEntry> table, int vcpu, int vcpuCount) {
        table.add(CpuidEntry.subleaf(0xb, 0, 0, 1, 1 << 8, vcpu));
        table.add(CpuidEntry.subleaf(0xb, 1, shift(vcpuCount), vcpuCount, (2 << 8) | 1, vcpu));
        table.add(CpuidEntry.subleaf(0xb, 2, 0, 0, 2, vcpu));
    }

    /** Vendor string "AuthenticAMD" or "HygonGenuine", by the first four letters in EBX. */
    private static boolean isAmd(List<CpuidEntry> table) {
        for (CpuidEntry entry : table) {
            if (entry.function() == 0) {
                return entry.ebx() == 0x6874_7541 || entry.ebx() == 0x6f67_7948;
            }
        }
        return false;
    }

    private static int maximalLeaf(List<CpuidEntry> table) {
        for (CpuidEntry entry : table) {
            if (entry.function() == 0) {
                return entry.eax();
            }
        }
        return 0;
    }

    /** Number of APIC id bits that hold {@code count} ids. */
    private static int shift(int count) {
        return 32 - Integer.numberOfLeadingZeros(count - 1);
    }

    private static int roundedUp(int count) {
        return 1 << shift(count);
    }
}
