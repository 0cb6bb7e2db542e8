package io.jvmm.vcpu.kvm.sys;

import static java.lang.foreign.MemoryLayout.PathElement.groupElement;
import static java.lang.foreign.MemoryLayout.sequenceLayout;
import static java.lang.foreign.MemoryLayout.structLayout;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.MemoryLayout;
import java.lang.foreign.StructLayout;

/**
 * The structures that KVM's ioctls carry, as {@code linux/kvm.h} and {@code asm/kvm.h} of x86-64 declare them. They are
 * used while a machine is built, so field offsets are looked up by name ({@link #offset}); what every exit touches is in
 * {@link KvmRunLayout}. A test compares sizes and offsets with those of a C compiler.
 */
public final class KvmLayouts {
    /** {@code kvm_userspace_memory_region}. */
    public static final StructLayout USERSPACE_MEMORY_REGION = structLayout(
            JAVA_INT.withName("slot"),
            JAVA_INT.withName("flags"),
            JAVA_LONG.withName("guest_phys_addr"),
            JAVA_LONG.withName("memory_size"),
            JAVA_LONG.withName("userspace_addr"));

    /** {@code kvm_irqfd}. */
    public static final StructLayout IRQFD = structLayout(
            JAVA_INT.withName("fd"),
            JAVA_INT.withName("gsi"),
            JAVA_INT.withName("flags"),
            JAVA_INT.withName("resamplefd"),
            sequenceLayout(16, JAVA_BYTE).withName("pad"));

    /** {@code kvm_ioeventfd}. */
    public static final StructLayout IOEVENTFD = structLayout(
            JAVA_LONG.withName("datamatch"),
            JAVA_LONG.withName("addr"),
            JAVA_INT.withName("len"),
            JAVA_INT.withName("fd"),
            JAVA_INT.withName("flags"),
            sequenceLayout(36, JAVA_BYTE).withName("pad"));

    /** {@code kvm_pit_config}. */
    public static final StructLayout PIT_CONFIG = structLayout(
            JAVA_INT.withName("flags"), sequenceLayout(15, JAVA_INT).withName("pad"));

    /** {@code kvm_enable_cap}. */
    public static final StructLayout ENABLE_CAP = structLayout(
            JAVA_INT.withName("cap"),
            JAVA_INT.withName("flags"),
            sequenceLayout(4, JAVA_LONG).withName("args"),
            sequenceLayout(64, JAVA_BYTE).withName("pad"));

    /** Head of {@code kvm_cpuid2}; {@code nent} entries follow. */
    public static final StructLayout CPUID2 = structLayout(JAVA_INT.withName("nent"), JAVA_INT.withName("padding"));

    /** {@code kvm_cpuid_entry2}. */
    public static final StructLayout CPUID_ENTRY2 = structLayout(
            JAVA_INT.withName("function"),
            JAVA_INT.withName("index"),
            JAVA_INT.withName("flags"),
            JAVA_INT.withName("eax"),
            JAVA_INT.withName("ebx"),
            JAVA_INT.withName("ecx"),
            JAVA_INT.withName("edx"),
            sequenceLayout(3, JAVA_INT).withName("padding"));

    /** Head of {@code kvm_msrs}; {@code nmsrs} entries follow. */
    public static final StructLayout MSRS = structLayout(JAVA_INT.withName("nmsrs"), JAVA_INT.withName("pad"));

    /** {@code kvm_msr_entry}. */
    public static final StructLayout MSR_ENTRY =
            structLayout(JAVA_INT.withName("index"), JAVA_INT.withName("reserved"), JAVA_LONG.withName("data"));

    /** {@code kvm_regs}. */
    public static final StructLayout REGS = structLayout(
            JAVA_LONG.withName("rax"),
            JAVA_LONG.withName("rbx"),
            JAVA_LONG.withName("rcx"),
            JAVA_LONG.withName("rdx"),
            JAVA_LONG.withName("rsi"),
            JAVA_LONG.withName("rdi"),
            JAVA_LONG.withName("rsp"),
            JAVA_LONG.withName("rbp"),
            JAVA_LONG.withName("r8"),
            JAVA_LONG.withName("r9"),
            JAVA_LONG.withName("r10"),
            JAVA_LONG.withName("r11"),
            JAVA_LONG.withName("r12"),
            JAVA_LONG.withName("r13"),
            JAVA_LONG.withName("r14"),
            JAVA_LONG.withName("r15"),
            JAVA_LONG.withName("rip"),
            JAVA_LONG.withName("rflags"));

    /** {@code kvm_segment}. */
    public static final StructLayout SEGMENT = structLayout(
            JAVA_LONG.withName("base"),
            JAVA_INT.withName("limit"),
            JAVA_SHORT.withName("selector"),
            JAVA_BYTE.withName("type"),
            JAVA_BYTE.withName("present"),
            JAVA_BYTE.withName("dpl"),
            JAVA_BYTE.withName("db"),
            JAVA_BYTE.withName("s"),
            JAVA_BYTE.withName("l"),
            JAVA_BYTE.withName("g"),
            JAVA_BYTE.withName("avl"),
            JAVA_BYTE.withName("unusable"),
            JAVA_BYTE.withName("padding"));

    /** {@code kvm_dtable}. */
    public static final StructLayout DTABLE = structLayout(
            JAVA_LONG.withName("base"),
            JAVA_SHORT.withName("limit"),
            sequenceLayout(3, JAVA_SHORT).withName("padding"));

    /** {@code kvm_sregs}. */
    public static final StructLayout SREGS = structLayout(
            SEGMENT.withName("cs"),
            SEGMENT.withName("ds"),
            SEGMENT.withName("es"),
            SEGMENT.withName("fs"),
            SEGMENT.withName("gs"),
            SEGMENT.withName("ss"),
            SEGMENT.withName("tr"),
            SEGMENT.withName("ldt"),
            DTABLE.withName("gdt"),
            DTABLE.withName("idt"),
            JAVA_LONG.withName("cr0"),
            JAVA_LONG.withName("cr2"),
            JAVA_LONG.withName("cr3"),
            JAVA_LONG.withName("cr4"),
            JAVA_LONG.withName("cr8"),
            JAVA_LONG.withName("efer"),
            JAVA_LONG.withName("apic_base"),
            sequenceLayout(4, JAVA_LONG).withName("interrupt_bitmap"));

    /** {@code kvm_translation}. */
    public static final StructLayout TRANSLATION = structLayout(
            JAVA_LONG.withName("linear_address"),
            JAVA_LONG.withName("physical_address"),
            JAVA_BYTE.withName("valid"),
            JAVA_BYTE.withName("writeable"),
            JAVA_BYTE.withName("usermode"),
            sequenceLayout(5, JAVA_BYTE).withName("pad"));

    /** {@code kvm_mp_state}. */
    public static final StructLayout MP_STATE = structLayout(JAVA_INT.withName("mp_state"));

    /** {@code kvm_lapic_state}: the register page, one 32-bit register every 16 bytes (SDM 3A table 11-1). */
    public static final StructLayout LAPIC_STATE =
            structLayout(sequenceLayout(1024, JAVA_BYTE).withName("regs"));

    /** Head of {@code kvm_irq_routing}; {@code nr} entries follow. */
    public static final StructLayout IRQ_ROUTING = structLayout(JAVA_INT.withName("nr"), JAVA_INT.withName("flags"));

    /** {@code kvm_irq_routing_entry} with the {@code irqchip} arm of its union. */
    public static final StructLayout IRQ_ROUTING_ENTRY = structLayout(
            JAVA_INT.withName("gsi"),
            JAVA_INT.withName("type"),
            JAVA_INT.withName("flags"),
            JAVA_INT.withName("pad"),
            JAVA_INT.withName("irqchip"),
            JAVA_INT.withName("pin"),
            sequenceLayout(6, JAVA_INT).withName("rest"));

    private KvmLayouts() {}

    /** Byte offset of a field; {@code offset(SREGS, "cs", "base")} descends. */
    public static long offset(StructLayout layout, String... path) {
        final MemoryLayout.PathElement[] elements = new MemoryLayout.PathElement[path.length];
        for (int i = 0; i < path.length; i++) {
            elements[i] = groupElement(path[i]);
        }
        return layout.byteOffset(elements);
    }
}
