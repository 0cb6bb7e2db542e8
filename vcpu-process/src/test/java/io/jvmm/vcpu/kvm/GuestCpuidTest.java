package io.jvmm.vcpu.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

/** SDM 2A "CPUID", AMD APM 3 appendix E: what a guest is told. */
class GuestCpuidTest {
    private static final int GENUINE_INTEL_EBX = 0x756e_6547;
    private static final int AUTHENTIC_AMD_EBX = 0x6874_7541;

    private static List<CpuidEntry> host(int vendor) {
        return List.of(
                CpuidEntry.leaf(0, 0x1f, vendor, 0, 0),
                CpuidEntry.leaf(1, 0x806ec, 0x0510_0800, 0x7ffa_fbff & ~(1 << 24), 0xbfeb_fbff),
                CpuidEntry.subleaf(4, 0, 0x1c00_4121, 0x01c0_003f, 0x3f, 0),
                CpuidEntry.subleaf(4, 3, 0x1c03_c163, 0x03c0_003f, 0x1fff, 6),
                CpuidEntry.subleaf(7, 0, 2, 0xffff_ffff, 0xffff_ffff, 0),
                CpuidEntry.leaf(0xa, 0x0730_0404, 0, 0, 0x603),
                CpuidEntry.subleaf(0xb, 0, 1, 2, 0x100, 5),
                CpuidEntry.subleaf(0x1f, 0, 1, 2, 0x100, 5),
                CpuidEntry.leaf(0x4000_0000, 0x4000_0001, 0x4b4d_564b, 0x564b_4d56, 0x4d),
                CpuidEntry.leaf(0x8000_0001, 0, 0, 0xffff_ffff, 0),
                CpuidEntry.leaf(0x8000_0008, 0x3027, 0, 0x7777, 0),
                CpuidEntry.leaf(0x8000_000a, 1, 1, 1, 1),
                CpuidEntry.leaf(0x8000_001e, 5, 0x102, 0x300, 0));
    }

    private static CpuidEntry find(List<CpuidEntry> table, int function, int index) {
        return table.stream()
                .filter(e -> e.function() == function && e.index() == index)
                .findFirst()
                .orElseThrow(() -> new AssertionError("no leaf " + Integer.toHexString(function)));
    }

    private static boolean has(List<CpuidEntry> table, int function) {
        return table.stream().anyMatch(e -> e.function() == function);
    }

    @Test
    void everyProcessorHasItsOwnApicId() {
        for (int vcpu = 0; vcpu < 6; vcpu++) {
            final List<CpuidEntry> table = GuestCpuid.forVcpu(host(GENUINE_INTEL_EBX), vcpu, 6, true);
            assertEquals(vcpu, find(table, 1, 0).ebx() >>> 24);
            assertEquals(vcpu, find(table, 0xb, 0).edx());
            assertEquals(vcpu, find(table, 0xb, 1).edx());
            assertEquals(vcpu, find(table, 0x8000_001e, 0).eax());
        }
    }

    @Test
    void topologyIsOnePackageOfSingleThreadedCores() {
        final List<CpuidEntry> table = GuestCpuid.forVcpu(host(GENUINE_INTEL_EBX), 0, 6, true);
        assertEquals(6, find(table, 1, 0).ebx() >>> 16 & 0xff);
        assertEquals(1, find(table, 1, 0).edx() >>> 28 & 1, "HTT");
        // Leaf 0xB: level type in ECX[15:8], ids per level in EAX[4:0].
        assertEquals(1, find(table, 0xb, 0).ecx() >>> 8);
        assertEquals(0, find(table, 0xb, 0).eax());
        assertEquals(1, find(table, 0xb, 0).ebx());
        assertEquals(2, find(table, 0xb, 1).ecx() >>> 8);
        assertEquals(3, find(table, 0xb, 1).eax());
        assertEquals(6, find(table, 0xb, 1).ebx());
        assertEquals(0, find(table, 0xb, 2).ecx() >>> 8);
        // Leaf 4: L1 private, L3 shared by the package; cores in the package in EAX[31:26] + 1.
        assertEquals(0, find(table, 4, 0).eax() >>> 14 & 0xfff);
        assertEquals(7, find(table, 4, 3).eax() >>> 14 & 0xfff);
        assertEquals(7, find(table, 4, 3).eax() >>> 26);
    }

    @Test
    void oneProcessorHasNoHyperThreadingBit() {
        final List<CpuidEntry> table = GuestCpuid.forVcpu(host(GENUINE_INTEL_EBX), 0, 1, true);
        assertEquals(0, find(table, 1, 0).edx() >>> 28 & 1);
        assertEquals(0, find(table, 0xb, 1).eax());
        assertEquals(0, find(table, 4, 3).eax() >>> 26);
    }

    @Test
    void nestingEnclavesAndCountersAreWithheld() {
        final List<CpuidEntry> table = GuestCpuid.forVcpu(host(AUTHENTIC_AMD_EBX), 0, 2, true);
        assertEquals(0, find(table, 1, 0).ecx() >>> 5 & 1, "VMX");
        assertEquals(0, find(table, 0x8000_0001, 0).ecx() >>> 2 & 1, "SVM");
        assertEquals(0, find(table, 7, 0).ebx() >>> 2 & 1, "SGX");
        assertEquals(0, find(table, 7, 0).ecx() >>> 30 & 1, "SGX launch control");
        assertEquals(0, find(table, 0xa, 0).eax(), "performance monitoring");
        assertEquals(0, find(table, 0x8000_0001, 0).ecx() >>> 23 & 3, "AMD performance monitoring");
        assertTrue(!has(table, 0x8000_000a) && !has(table, 0x1f));
    }

    @Test
    void theHypervisorAndItsParavirtualLeavesStay() {
        final List<CpuidEntry> table = GuestCpuid.forVcpu(host(GENUINE_INTEL_EBX), 0, 1, true);
        assertEquals(1, find(table, 1, 0).ecx() >>> 31);
        assertEquals(0x4b4d_564b, find(table, 0x4000_0000, 0).ebx());
    }

    @Test
    void theDeadlineTimerFollowsTheCapability() {
        assertEquals(
                1,
                find(GuestCpuid.forVcpu(host(GENUINE_INTEL_EBX), 0, 1, true), 1, 0)
                                        .ecx()
                                >>> 24
                        & 1);
        assertEquals(
                0,
                find(GuestCpuid.forVcpu(host(GENUINE_INTEL_EBX), 0, 1, false), 1, 0)
                                        .ecx()
                                >>> 24
                        & 1);
    }

    @Test
    void amdCoreCountIsTheGuests() {
        final List<CpuidEntry> amd = GuestCpuid.forVcpu(host(AUTHENTIC_AMD_EBX), 3, 6, true);
        // NC in ECX[7:0] is one less than the number of cores, ApicIdCoreIdSize in ECX[15:12].
        assertEquals(0x3005, find(amd, 0x8000_0008, 0).ecx());
        assertEquals(1, find(amd, 0x8000_0001, 0).ecx() >>> 1 & 1, "CmpLegacy");
        assertEquals(3, find(amd, 0x8000_001e, 0).ebx());
        final List<CpuidEntry> intel = GuestCpuid.forVcpu(host(GENUINE_INTEL_EBX), 3, 6, true);
        assertEquals(0x7777, find(intel, 0x8000_0008, 0).ecx(), "reserved on Intel: as the host has it");
    }

    @Test
    void physicalAddressWidth() {
        assertEquals(0x27, GuestCpuid.physicalAddressBits(host(GENUINE_INTEL_EBX)));
        assertEquals(36, GuestCpuid.physicalAddressBits(List.of()));
    }
}
