package io.jvmm.vcpu.kvm.sys;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.StructLayout;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Our idea of {@code linux/kvm.h} against what gcc says about the header (Debian linux-libc-dev 6.1, x86-64): values
 * written down from a C program that printed sizeof, offsetof and the macros.
 */
class KvmHeaderTest {
    @ParameterizedTest
    @CsvSource({
        "GET_API_VERSION, 0xae00",
        "CREATE_VM, 0xae01",
        "CHECK_EXTENSION, 0xae03",
        "GET_VCPU_MMAP_SIZE, 0xae04",
        "GET_SUPPORTED_CPUID, 0xc008ae05",
        "CREATE_VCPU, 0xae41",
        "SET_USER_MEMORY_REGION, 0x4020ae46",
        "SET_TSS_ADDR, 0xae47",
        "SET_IDENTITY_MAP_ADDR, 0x4008ae48",
        "CREATE_IRQCHIP, 0xae60",
        "CREATE_PIT2, 0x4040ae77",
        "SET_GSI_ROUTING, 0x4008ae6a",
        "IRQFD, 0x4020ae76",
        "IOEVENTFD, 0x4040ae79",
        "ENABLE_CAP, 0x4068aea3",
        "RUN, 0xae80",
        "GET_REGS, 0x8090ae81",
        "SET_REGS, 0x4090ae82",
        "GET_SREGS, 0x8138ae83",
        "SET_SREGS, 0x4138ae84",
        "TRANSLATE, 0xc018ae85",
        "GET_MSRS, 0xc008ae88",
        "SET_MSRS, 0x4008ae89",
        "GET_LAPIC, 0x8400ae8e",
        "SET_LAPIC, 0x4400ae8f",
        "SET_CPUID2, 0x4008ae90",
        "GET_MP_STATE, 0x8004ae98",
        "SET_MP_STATE, 0x4004ae99",
    })
    void ioctlNumber(KvmIoctl ioctl, long expected) {
        assertEquals(Long.toHexString(expected), Long.toHexString(ioctl.request()));
    }

    @Test
    void everyIoctlIsHeldAgainstTheHeader() throws NoSuchMethodException {
        final CsvSource rows = KvmHeaderTest.class
                .getDeclaredMethod("ioctlNumber", KvmIoctl.class, long.class)
                .getAnnotation(CsvSource.class);
        assertEquals(KvmIoctl.values().length, rows.value().length);
    }

    @Test
    void onlyRunTranslateAndWhatMsixNeedsRemainAfterReady() {
        assertEquals(
                Set.of(KvmIoctl.RUN, KvmIoctl.TRANSLATE, KvmIoctl.SET_GSI_ROUTING, KvmIoctl.IRQFD),
                KvmIoctl.afterReady());
    }

    @ParameterizedTest
    @CsvSource({
        "IRQCHIP, 0",
        "USER_MEMORY, 3",
        "SET_TSS_ADDR, 4",
        "EXT_CPUID, 7",
        "NR_VCPUS, 9",
        "NR_MEMSLOTS, 10",
        "MP_STATE, 14",
        "DESTROY_MEMORY_REGION_WORKS, 21",
        "IRQ_ROUTING, 25",
        "IRQFD, 32",
        "PIT2, 33",
        "IOEVENTFD, 36",
        "SET_IDENTITY_MAP_ADDR, 37",
        "MAX_VCPUS, 66",
        "TSC_DEADLINE_TIMER, 72",
        "SYNC_REGS, 74",
        "READONLY_MEM, 81",
        "IRQFD_RESAMPLE, 82",
        "CHECK_EXTENSION_VM, 105",
        "IMMEDIATE_EXIT, 136",
        "EXIT_ON_EMULATION_FAILURE, 204",
    })
    void capabilityNumber(KvmCapability capability, int expected) {
        assertEquals(expected, capability.number());
    }

    @Test
    void structureSizes() {
        final Map<StructLayout, Integer> sizes = Map.ofEntries(
                Map.entry(KvmLayouts.USERSPACE_MEMORY_REGION, 32),
                Map.entry(KvmLayouts.IRQFD, 32),
                Map.entry(KvmLayouts.IOEVENTFD, 64),
                Map.entry(KvmLayouts.PIT_CONFIG, 64),
                Map.entry(KvmLayouts.ENABLE_CAP, 104),
                Map.entry(KvmLayouts.CPUID2, 8),
                Map.entry(KvmLayouts.CPUID_ENTRY2, 40),
                Map.entry(KvmLayouts.MSRS, 8),
                Map.entry(KvmLayouts.MSR_ENTRY, 16),
                Map.entry(KvmLayouts.REGS, 144),
                Map.entry(KvmLayouts.SEGMENT, 24),
                Map.entry(KvmLayouts.DTABLE, 16),
                Map.entry(KvmLayouts.SREGS, 312),
                Map.entry(KvmLayouts.TRANSLATION, 24),
                Map.entry(KvmLayouts.MP_STATE, 4),
                Map.entry(KvmLayouts.LAPIC_STATE, 1024),
                Map.entry(KvmLayouts.IRQ_ROUTING, 8),
                Map.entry(KvmLayouts.IRQ_ROUTING_ENTRY, 48));
        sizes.forEach((layout, size) -> assertEquals(size.longValue(), layout.byteSize(), layout::toString));
    }

    @Test
    void structureOffsets() {
        assertOffset(24, KvmLayouts.USERSPACE_MEMORY_REGION, "userspace_addr");
        assertOffset(12, KvmLayouts.IRQFD, "resamplefd");
        assertOffset(8, KvmLayouts.IOEVENTFD, "addr");
        assertOffset(16, KvmLayouts.IOEVENTFD, "len");
        assertOffset(20, KvmLayouts.IOEVENTFD, "fd");
        assertOffset(24, KvmLayouts.IOEVENTFD, "flags");
        assertOffset(8, KvmLayouts.ENABLE_CAP, "args");
        assertOffset(12, KvmLayouts.CPUID_ENTRY2, "eax");
        assertOffset(8, KvmLayouts.MSR_ENTRY, "data");
        assertOffset(48, KvmLayouts.REGS, "rsp");
        assertOffset(64, KvmLayouts.REGS, "r8");
        assertOffset(128, KvmLayouts.REGS, "rip");
        assertOffset(136, KvmLayouts.REGS, "rflags");
        assertOffset(8, KvmLayouts.SEGMENT, "limit");
        assertOffset(12, KvmLayouts.SEGMENT, "selector");
        assertOffset(14, KvmLayouts.SEGMENT, "type");
        assertOffset(19, KvmLayouts.SEGMENT, "l");
        assertOffset(22, KvmLayouts.SEGMENT, "unusable");
        assertOffset(8, KvmLayouts.DTABLE, "limit");
        assertOffset(144, KvmLayouts.SREGS, "tr");
        assertOffset(168, KvmLayouts.SREGS, "ldt");
        assertOffset(192, KvmLayouts.SREGS, "gdt");
        assertOffset(208, KvmLayouts.SREGS, "idt");
        assertOffset(224, KvmLayouts.SREGS, "cr0");
        assertOffset(256, KvmLayouts.SREGS, "cr8");
        assertOffset(264, KvmLayouts.SREGS, "efer");
        assertOffset(272, KvmLayouts.SREGS, "apic_base");
        assertOffset(280, KvmLayouts.SREGS, "interrupt_bitmap");
        assertOffset(8, KvmLayouts.TRANSLATION, "physical_address");
        assertOffset(16, KvmLayouts.TRANSLATION, "valid");
        assertOffset(4, KvmLayouts.IRQ_ROUTING_ENTRY, "type");
        assertOffset(16, KvmLayouts.IRQ_ROUTING_ENTRY, "irqchip");
        assertOffset(20, KvmLayouts.IRQ_ROUTING_ENTRY, "pin");
    }

    /** Every constant of the shared page, held against {@code offsetof(struct kvm_run, ...)}. */
    @Test
    void sharedPage() {
        assertEquals(1, KvmRunLayout.IMMEDIATE_EXIT);
        assertEquals(8, KvmRunLayout.EXIT_REASON);
        assertEquals(32, KvmRunLayout.IO_DIRECTION);
        assertEquals(33, KvmRunLayout.IO_SIZE);
        assertEquals(34, KvmRunLayout.IO_PORT);
        assertEquals(36, KvmRunLayout.IO_COUNT);
        assertEquals(40, KvmRunLayout.IO_DATA_OFFSET);
        assertEquals(32, KvmRunLayout.MMIO_ADDRESS);
        assertEquals(40, KvmRunLayout.MMIO_DATA);
        assertEquals(48, KvmRunLayout.MMIO_LENGTH);
        assertEquals(52, KvmRunLayout.MMIO_IS_WRITE);
        assertEquals(32, KvmRunLayout.FAIL_ENTRY_REASON);
        assertEquals(40, KvmRunLayout.FAIL_ENTRY_CPU);
        assertEquals(32, KvmRunLayout.INTERNAL_SUBERROR);
        assertEquals(36, KvmRunLayout.INTERNAL_NDATA);
        assertEquals(40, KvmRunLayout.INTERNAL_DATA);
        assertEquals(40, KvmRunLayout.EMULATION_FLAGS);
        assertEquals(48, KvmRunLayout.EMULATION_INSTRUCTION_SIZE);
        assertEquals(49, KvmRunLayout.EMULATION_INSTRUCTION_BYTES);
        assertEquals(32, KvmRunLayout.SYSTEM_EVENT_TYPE);
        assertEquals(288, KvmRunLayout.VALID_REGS);
        assertEquals(296, KvmRunLayout.DIRTY_REGS);
        assertEquals(304, KvmRunLayout.SYNC_REGS);
        assertEquals(304 + 144, KvmRunLayout.SYNC_SREGS);
        assertEquals(2352, KvmRunLayout.SIZE);
        assertTrue(KvmRunLayout.SYNC_EVENTS + 64 <= KvmRunLayout.SYNC_REGS + 2048);
    }

    private static void assertOffset(long expected, StructLayout layout, String field) {
        assertEquals(expected, KvmLayouts.offset(layout, field), field);
    }
}
