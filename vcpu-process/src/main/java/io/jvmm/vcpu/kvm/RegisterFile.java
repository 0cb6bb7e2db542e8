package io.jvmm.vcpu.kvm;

import static io.jvmm.vcpu.kvm.sys.KvmLayouts.REGS;
import static io.jvmm.vcpu.kvm.sys.KvmLayouts.SREGS;
import static io.jvmm.vcpu.kvm.sys.KvmLayouts.offset;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import io.jvmm.vcpu.engine.BootState;
import io.jvmm.vcpu.engine.VcpuRegisters;
import io.jvmm.vcpu.engine.VcpuRegisters.General;
import io.jvmm.vcpu.engine.VcpuRegisters.Segment;
import io.jvmm.vcpu.engine.VcpuRegisters.Segments;
import io.jvmm.vcpu.engine.VcpuRegisters.Table;
import java.lang.foreign.MemorySegment;

/** Translates between {@code kvm_regs} / {@code kvm_sregs} and the engine's {@link BootState} and {@link VcpuRegisters}. */
final class RegisterFile {
    private static final long CR0_PE = 1;
    private static final long CR0_ET = 1 << 4;
    private static final long CR0_NE = 1 << 5;
    private static final long CR0_CD = 1L << 30;
    private static final long CR0_NW = 1L << 29;
    private static final long CR0_PG = 1L << 31;
    private static final long CR4_PAE = 1 << 5;
    private static final long EFER_LME = 1 << 8;
    private static final long EFER_LMA = 1 << 10;
    /** RFLAGS bit 1 always reads as one. */
    private static final long RFLAGS_RESERVED = 2;

    /** Segment types, SDM 3A table 3-1 (accessed bit set, as the processor would) and table 3-2. */
    private static final int TYPE_DATA = 0x3;

    private static final int TYPE_CODE = 0xb;
    private static final int TYPE_LDT = 0x2;
    private static final int TYPE_TSS_BUSY = 0xb;

    private RegisterFile() {}

    /**
     * Fills in what the boot state says.
     *
     * @param regs {@code kvm_regs}, overwritten whole
     * @param sregs {@code kvm_sregs} as KVM gave it: what the boot state does not name (APIC base, CR8) stays
     */
    static void write(BootState state, MemorySegment regs, MemorySegment sregs) {
        regs.fill((byte) 0);
        putLong(regs, "rip", state.rip());
        putLong(regs, "rsp", state.rsp());
        putLong(regs, "rsi", state.rsi());
        putLong(regs, "rbx", state.rbx());
        putLong(regs, "rflags", RFLAGS_RESERVED);

        table(sregs, "gdt", state.gdtBase(), state.gdtLimit());
        sregs.set(JAVA_LONG, offset(SREGS, "cr2"), 0);
        segment(sregs, "ldt", 0, 0, 0xffff, TYPE_LDT, false, false, false);
        segment(sregs, "tr", 0, 0, 0xffff, TYPE_TSS_BUSY, false, false, false);
        switch (state.mode()) {
            case LONG_64 -> {
                table(sregs, "idt", 0, 0);
                flatSegments(sregs, true);
                control(sregs, CR0_PE | CR0_ET | CR0_NE | CR0_PG, state.cr3(), CR4_PAE, EFER_LME | EFER_LMA);
            }
            case PROTECTED_32 -> {
                table(sregs, "idt", 0, 0);
                flatSegments(sregs, false);
                control(sregs, CR0_PE | CR0_ET | CR0_NE, 0, 0, 0);
            }
            case REAL_16 -> {
                // The real-mode interrupt table lies at 0 (SDM 3A table 10-1).
                table(sregs, "idt", 0, 0xffff);
                table(sregs, "gdt", 0, 0xffff);
                segment(sregs, "cs", state.codeSelector(), state.codeBase(), 0xffff, TYPE_CODE, true, false, false);
                for (String name : new String[] {"ds", "es", "fs", "gs", "ss"}) {
                    segment(sregs, name, 0, 0, 0xffff, TYPE_DATA, true, false, false);
                }
                // The processor's caches are off after reset (CD, NW); with nobody to turn them on they are on here.
                control(sregs, CR0_ET, 0, 0, 0);
            }
        }
    }

    /** Reads both structures as KVM left them. */
    static VcpuRegisters read(int vcpu, MemorySegment regs, MemorySegment sregs) {
        final General general = new General(
                getLong(regs, "rax"),
                getLong(regs, "rcx"),
                getLong(regs, "rdx"),
                getLong(regs, "rbx"),
                getLong(regs, "rsp"),
                getLong(regs, "rbp"),
                getLong(regs, "rsi"),
                getLong(regs, "rdi"),
                getLong(regs, "r8"),
                getLong(regs, "r9"),
                getLong(regs, "r10"),
                getLong(regs, "r11"),
                getLong(regs, "r12"),
                getLong(regs, "r13"),
                getLong(regs, "r14"),
                getLong(regs, "r15"));
        final Segments segments = new Segments(
                segment(sregs, "es"),
                segment(sregs, "cs"),
                segment(sregs, "ss"),
                segment(sregs, "ds"),
                segment(sregs, "fs"),
                segment(sregs, "gs"),
                segment(sregs, "ldt"),
                segment(sregs, "tr"));
        return new VcpuRegisters(
                vcpu,
                general,
                getLong(regs, "rip"),
                getLong(regs, "rflags"),
                getSystem(sregs, "cr0"),
                getSystem(sregs, "cr2"),
                getSystem(sregs, "cr3"),
                getSystem(sregs, "cr4"),
                getSystem(sregs, "cr8"),
                getSystem(sregs, "efer"),
                table(sregs, "gdt"),
                table(sregs, "idt"),
                segments);
    }

    private static void flatSegments(MemorySegment sregs, boolean longMode) {
        segment(sregs, "cs", BootState.CODE_SELECTOR, 0, 0xffff_ffff, TYPE_CODE, true, !longMode, longMode);
        for (String name : new String[] {"ds", "es", "fs", "gs", "ss"}) {
            segment(sregs, name, BootState.DATA_SELECTOR, 0, 0xffff_ffff, TYPE_DATA, true, true, false);
        }
        // VT-x wants a busy TSS in TR at every entry outside real mode (SDM 3C 27.3.1.2).
        segment(sregs, "tr", BootState.TASK_SELECTOR, 0, 0x67, TYPE_TSS_BUSY, false, false, false);
    }

    private static void control(MemorySegment sregs, long cr0, long cr3, long cr4, long efer) {
        assert (cr0 & (CR0_CD | CR0_NW)) == 0;
        sregs.set(JAVA_LONG, offset(SREGS, "cr0"), cr0);
        sregs.set(JAVA_LONG, offset(SREGS, "cr3"), cr3);
        sregs.set(JAVA_LONG, offset(SREGS, "cr4"), cr4);
        sregs.set(JAVA_LONG, offset(SREGS, "efer"), efer);
    }

    private static void segment(
            MemorySegment sregs,
            String name,
            int selector,
            long base,
            int limit,
            int type,
            boolean codeOrData,
            boolean big,
            boolean longCode) {
        sregs.set(JAVA_LONG, offset(SREGS, name, "base"), base);
        sregs.set(JAVA_INT, offset(SREGS, name, "limit"), limit);
        sregs.set(JAVA_SHORT, offset(SREGS, name, "selector"), (short) selector);
        putByte(sregs, name, "type", type);
        putByte(sregs, name, "present", 1);
        putByte(sregs, name, "dpl", 0);
        putByte(sregs, name, "db", big ? 1 : 0);
        putByte(sregs, name, "s", codeOrData ? 1 : 0);
        putByte(sregs, name, "l", longCode ? 1 : 0);
        // A limit beyond 20 bits needs page granularity.
        putByte(sregs, name, "g", (limit & 0xfff0_0000) != 0 ? 1 : 0);
        putByte(sregs, name, "avl", 0);
        putByte(sregs, name, "unusable", 0);
    }

    private static Segment segment(MemorySegment sregs, String name) {
        final int access = getByte(sregs, name, "type")
                | getByte(sregs, name, "s") << 4
                | getByte(sregs, name, "dpl") << 5
                | getByte(sregs, name, "present") << 7
                | getByte(sregs, name, "avl") << 12
                | getByte(sregs, name, "l") << 13
                | getByte(sregs, name, "db") << 14
                | getByte(sregs, name, "g") << 15;
        return new Segment(
                Short.toUnsignedInt(sregs.get(JAVA_SHORT, offset(SREGS, name, "selector"))),
                sregs.get(JAVA_LONG, offset(SREGS, name, "base")),
                Integer.toUnsignedLong(sregs.get(JAVA_INT, offset(SREGS, name, "limit"))),
                access);
    }

    private static void table(MemorySegment sregs, String name, long base, int limit) {
        sregs.set(JAVA_LONG, offset(SREGS, name, "base"), base);
        sregs.set(JAVA_SHORT, offset(SREGS, name, "limit"), (short) limit);
    }

    private static Table table(MemorySegment sregs, String name) {
        return new Table(
                sregs.get(JAVA_LONG, offset(SREGS, name, "base")),
                Short.toUnsignedInt(sregs.get(JAVA_SHORT, offset(SREGS, name, "limit"))));
    }

    private static void putByte(MemorySegment sregs, String segment, String field, int value) {
        sregs.set(JAVA_BYTE, offset(SREGS, segment, field), (byte) value);
    }

    private static int getByte(MemorySegment sregs, String segment, String field) {
        return Byte.toUnsignedInt(sregs.get(JAVA_BYTE, offset(SREGS, segment, field)));
    }

    private static void putLong(MemorySegment regs, String name, long value) {
        regs.set(JAVA_LONG, offset(REGS, name), value);
    }

    private static long getLong(MemorySegment regs, String name) {
        return regs.get(JAVA_LONG, offset(REGS, name));
    }

    private static long getSystem(MemorySegment sregs, String name) {
        return sregs.get(JAVA_LONG, offset(SREGS, name));
    }
}
