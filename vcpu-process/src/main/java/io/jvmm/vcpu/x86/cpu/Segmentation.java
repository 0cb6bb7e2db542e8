package io.jvmm.vcpu.x86.cpu;

import io.jvmm.vcpu.x86.mmu.GuestException;
import io.jvmm.vcpu.x86.mmu.Vector;

/** Segment registers: loads with their checks (SDM 3A chapters 3 and 5), and addresses through them. */
public final class Segmentation {
    /** Writable data of 64 KiB at DPL 3, accessed: every segment of virtual-8086 mode (SDM 3B 21.2). */
    private static final int VIRTUAL_86_ACCESS = 0xf3;

    private static final int DATA_WRITABLE = 2;
    private static final int CODE_READABLE = 2;
    private static final int EXPAND_DOWN = 4;

    private Segmentation() {}

    /** MOV to, POP into, and far loads of ES, SS, DS, FS or GS in any mode: #GP, #SS, #NP with the selector, #PF. */
    public static void load(Cpu cpu, int segment, int selector) {
        final Segment register = cpu.segments[segment];
        if (!cpu.isProtected()) {
            // Limit and rights stay what they were, which programs use ("unreal mode").
            register.selector = selector;
            register.base = (long) selector << 4;
        } else if (cpu.isVirtual86()) {
            loadVirtual86(register, selector);
        } else if ((selector & 0xfffc) == 0) {
            loadNull(cpu, segment, selector);
        } else {
            final long raw = Descriptors.read(cpu, selector, Vector.GP);
            if (segment == Segment.SS) {
                checkStack(cpu, selector, raw, cpu.cpl, Vector.GP);
            } else {
                checkData(cpu, selector, raw);
            }
            set(register, selector, Descriptors.markAccessed(cpu, selector, raw));
        }
        if (cpu.codeBytes != 8) {
            ControlRegisters.updateMode(cpu);
        }
    }

    private static void loadNull(Cpu cpu, int segment, int selector) {
        // SDM 3A 5.4.1.1: 64-bit mode allows a null SS below CPL 3.
        if (segment == Segment.SS && (cpu.codeBytes != 8 || cpu.cpl == 3 || (selector & 3) != cpu.cpl)) {
            throw cpu.protection();
        }
        setNull(cpu.segments[segment], selector);
    }

    private static void checkData(Cpu cpu, int selector, long raw) {
        if (!Descriptors.isReadable(raw)
                || (!Descriptors.isConforming(raw) && Math.max(selector & 3, cpu.cpl) > Descriptors.dpl(raw))) {
            throw Descriptors.protection(cpu, selector);
        }
        if (!Descriptors.isPresent(raw)) {
            throw Descriptors.fault(cpu, Vector.NP, selector);
        }
    }

    /** The checks of a stack segment for privilege level {@code cpl}: {@code vector}(selector) or #SS(selector). */
    static void checkStack(Cpu cpu, int selector, long raw, int cpl, int vector) {
        if ((selector & 3) != cpl || Descriptors.dpl(raw) != cpl || !Descriptors.isWritableData(raw)) {
            throw Descriptors.fault(cpu, vector, selector);
        }
        if (!Descriptors.isPresent(raw)) {
            throw Descriptors.fault(cpu, Vector.SS, selector);
        }
    }

    /** Fills a register from a checked descriptor. */
    static void set(Segment register, int selector, long raw) {
        register.set(selector, Descriptors.base(raw), Descriptors.limit(raw), Descriptors.access(raw));
    }

    /** A null selector: not present, base 0, as processors that clear the base (CPUID 80000021 EAX bit 6). */
    static void setNull(Segment register, int selector) {
        register.set(selector, 0, 0, 0);
    }

    /** A segment of virtual-8086 mode. */
    static void loadVirtual86(Segment register, int selector) {
        register.set(selector, (long) selector << 4, 0xffff, VIRTUAL_86_ACCESS);
    }

    /**
     * On a return to an outer level: data segments that the outer level may not use become null (SDM 2 "IRET", "RET":
     * no DPL below the new CPL, but for conforming code), and the null selectors 1 to 3 become 0.
     */
    static void dropInnerSegments(Cpu cpu) {
        for (int i = 0; i < Segment.LDTR; i++) {
            final Segment s = cpu.segments[i];
            if (i == Segment.CS || i == Segment.SS) {
                continue;
            }
            final boolean conforming = (s.access & 0x1c) == 0x1c;
            if ((s.selector & 0xfffc) == 0) {
                // Unusable from now on, if it was selector 0 of real mode; but the base of FS and GS may be one that
                // 64-bit mode set.
                s.selector = 0;
                s.access = 0;
            } else if (s.isPresent() && !conforming && s.dpl() < cpu.cpl) {
                setNull(s, 0);
            }
        }
    }

    /**
     * Linear address of {@code lengthBytes} bytes at {@code offset} (already truncated to the address width) of a
     * segment, with the limit and rights checks of legacy modes: #GP(0), or #SS(0) for SS. In 64-bit mode only the
     * bases of FS and GS count and nothing is checked.
     */
    public static long linear(Cpu cpu, int segment, long offset, int lengthBytes, boolean write) {
        final Segment s = cpu.segments[segment];
        if (cpu.codeBytes == 8) {
            return segment >= Segment.FS ? s.base + offset : offset;
        }
        if (!allows(s, offset, lengthBytes, write, cpu.isProtected() && !cpu.isVirtual86())) {
            throw limit(cpu, segment);
        }
        return (s.base + offset) & 0xffff_ffffL;
    }

    private static GuestException limit(Cpu cpu, int segment) {
        return cpu.exception.of(segment == Segment.SS ? Vector.SS : Vector.GP, 0);
    }

    private static boolean allows(Segment s, long offset, int lengthBytes, boolean write, boolean checkRights) {
        if (checkRights) {
            final boolean code = s.isCode();
            final boolean right =
                    code ? !write && (s.access & CODE_READABLE) != 0 : !write || (s.access & DATA_WRITABLE) != 0;
            if (!s.isPresent() || !right) {
                return false;
            }
        }
        return isWithinLimit(s, offset, lengthBytes);
    }

    /** Whether {@code lengthBytes} at {@code offset} lie in the segment (SDM 3A 5.3). */
    static boolean isWithinLimit(Segment s, long offset, int lengthBytes) {
        final long last = offset + lengthBytes - 1;
        if ((s.access & 0x1c) == (0x10 | EXPAND_DOWN)) {
            return offset > s.limit && last <= (s.isBig() ? 0xffff_ffffL : 0xffff);
        }
        return last <= s.limit;
    }

    /** Whether the segment is a present, readable, for data writable, one of 4 GiB at 0: nothing need be checked. */
    static boolean isFlat(Segment s) {
        return s.base == 0 && s.limit == 0xffff_ffffL && (s.access & 0x92) == 0x92 && (s.access & 0xc) != EXPAND_DOWN;
    }

    /** LLDT (SDM 2): CPL and mode have been checked. */
    public static void loadLocalTable(Cpu cpu, int selector) {
        final Segment ldtr = cpu.segments[Segment.LDTR];
        if ((selector & 0xfffc) == 0) {
            setNull(ldtr, selector);
            return;
        }
        final long raw = systemDescriptor(cpu, selector, Descriptors.LDT, Descriptors.LDT);
        final long upper = upperBase(cpu, selector);
        set(ldtr, selector, raw);
        ldtr.base |= upper;
    }

    /** LTR: loads an available TSS and marks it busy. CPL and mode have been checked. */
    public static void loadTask(Cpu cpu, int selector) {
        if ((selector & 0xfffc) == 0) {
            throw cpu.protection();
        }
        final long raw = systemDescriptor(
                cpu, selector, Descriptors.TSS_32, cpu.isLongMode() ? Descriptors.TSS_32 : Descriptors.TSS_16);
        final long upper = upperBase(cpu, selector);
        // Another processor may have taken the TSS since it was read.
        if ((Descriptors.changeAccess(cpu, selector, 0, Descriptors.BUSY) & Descriptors.BUSY) != 0) {
            throw Descriptors.protection(cpu, selector);
        }
        final Segment tr = cpu.segments[Segment.TR];
        set(tr, selector, raw);
        tr.access |= Descriptors.BUSY;
        tr.base |= upper;
    }

    private static long systemDescriptor(Cpu cpu, int selector, int type, int otherType) {
        if ((selector & 4) != 0) {
            throw Descriptors.protection(cpu, selector);
        }
        final long raw = Descriptors.read(cpu, selector, Vector.GP);
        if (Descriptors.type(raw) != type && Descriptors.type(raw) != otherType) {
            throw Descriptors.protection(cpu, selector);
        }
        if (!Descriptors.isPresent(raw)) {
            throw Descriptors.fault(cpu, Vector.NP, selector);
        }
        return raw;
    }

    /** Bits 63..32 of the base, from the second half of a descriptor of long mode (SDM 3A 8.2.3). */
    private static long upperBase(Cpu cpu, int selector) {
        if (!cpu.isLongMode()) {
            return 0;
        }
        final long upper = Descriptors.readUpper(cpu, selector, Vector.GP);
        if ((upper >>> 40 & 0x1f) != 0 || !isCanonical(upper << 32)) {
            throw Descriptors.protection(cpu, selector);
        }
        return upper << 32;
    }

    /** Whether bits 63..47 are alike. */
    public static boolean isCanonical(long address) {
        return address << 16 >> 16 == address;
    }
}
