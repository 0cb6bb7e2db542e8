package io.jvmm.vcpu.x86.cpu;

import io.jvmm.vcpu.x86.mmu.GuestException;
import io.jvmm.vcpu.x86.mmu.Vector;

/**
 * Descriptor tables: reading an 8-byte descriptor by its selector, taking it apart, and the bits the processor writes
 * back (SDM 3A 3.4.5, 3.5). A descriptor is a {@code long} as it lies in memory; hostile in every bit.
 */
final class Descriptors {
    /** Type and S bit of a system descriptor, as the low five bits of the access byte. */
    static final int TSS_16 = 1;

    static final int LDT = 2;
    static final int CALL_GATE_16 = 4;
    static final int TASK_GATE = 5;
    static final int TSS_32 = 9;
    static final int CALL_GATE_32 = 0xc;

    /** TSS types: the bit that says busy. */
    static final int BUSY = 2;
    /** Bit of the access byte of code and data that says accessed. */
    static final int ACCESSED = 1;

    private static final int ACCESS_BYTE = 5;
    private static final long GRANULARITY = 1L << 55;

    private Descriptors() {}

    /** Base of a segment descriptor. */
    static long base(long raw) {
        return ((raw >>> 16) & 0xff_ffff) | (raw >>> 56 << 24);
    }

    /** Limit in bytes. */
    static long limit(long raw) {
        final long limit = (raw & 0xffff) | ((raw >>> 32) & 0xf_0000);
        return (raw & GRANULARITY) != 0 ? limit << 12 | 0xfff : limit;
    }

    /** Access word as {@link Segment#access}. */
    static int access(long raw) {
        return (int) (raw >>> 40) & 0xf0ff;
    }

    /** Type with the S bit: 0..31; below 16 a system descriptor. */
    static int type(long raw) {
        return (int) (raw >>> 40) & 0x1f;
    }

    /** DPL. */
    static int dpl(long raw) {
        return (int) (raw >>> 45) & 3;
    }

    /** P. */
    static boolean isPresent(long raw) {
        return (raw & 1L << 47) != 0;
    }

    /** Code, conforming or not. */
    static boolean isCode(long raw) {
        return (type(raw) & 0x18) == 0x18;
    }

    /** Code that runs with its caller's privilege. */
    static boolean isConforming(long raw) {
        return (type(raw) & 0x1c) == 0x1c;
    }

    /** Data that may be written. */
    static boolean isWritableData(long raw) {
        return (type(raw) & 0x1a) == 0x12;
    }

    /** Data, or code that may be read. */
    static boolean isReadable(long raw) {
        final int type = type(raw);
        return (type & 0x10) != 0 && ((type & 8) == 0 || (type & 2) != 0);
    }

    /** L: 64-bit code. */
    static boolean isLong(long raw) {
        return (raw & 1L << 53) != 0;
    }

    /** D/B. */
    static boolean isBig(long raw) {
        return (raw & 1L << 54) != 0;
    }

    /** Target offset of a gate's low 8 bytes. */
    static long gateOffset(long raw) {
        return (raw & 0xffff) | ((raw >>> 32) & 0xffff_0000L);
    }

    /** Target selector of a gate. */
    static int gateSelector(long raw) {
        return (int) (raw >>> 16) & 0xffff;
    }

    /** An exception with a selector for its error code (SDM 3A 6.13). */
    static GuestException fault(Cpu cpu, int vector, int selector) {
        return cpu.exception.of(vector, (selector & 0xfffc) | cpu.externalEvent);
    }

    /** #GP(selector). */
    static GuestException protection(Cpu cpu, int selector) {
        return fault(cpu, Vector.GP, selector);
    }

    /** Linear address of the descriptor, or -1 when the selector lies outside its table. */
    static long address(Cpu cpu, int selector, int bytes) {
        final int offset = selector & 0xfff8;
        if ((selector & 4) == 0) {
            return offset + bytes - 1 <= cpu.gdtLimit ? linear(cpu, cpu.gdtBase + offset) : -1;
        }
        final Segment ldt = cpu.segments[Segment.LDTR];
        return ldt.isPresent() && offset + bytes - 1 <= ldt.limit ? linear(cpu, ldt.base + offset) : -1;
    }

    /** Reads the descriptor that {@code selector} names; {@code vector}(selector) when it is outside its table. */
    static long read(Cpu cpu, int selector, int vector) {
        final long at = address(cpu, selector, 8);
        if (at == -1) {
            throw fault(cpu, vector, selector);
        }
        return cpu.mmu.readSystem(at, 8);
    }

    /** The upper half of a 16-byte system descriptor of long mode. */
    static long readUpper(Cpu cpu, int selector, int vector) {
        final long at = address(cpu, selector, 16);
        if (at == -1) {
            throw fault(cpu, vector, selector);
        }
        return cpu.mmu.readSystem(linear(cpu, at + 8), 8);
    }

    /** Sets the accessed bit of a code or data descriptor in its table, unless it is set. */
    static long markAccessed(Cpu cpu, int selector, long raw) {
        if ((raw & (long) ACCESSED << 40) == 0) {
            changeAccess(cpu, selector, 0, ACCESSED);
        }
        return raw | (long) ACCESSED << 40;
    }

    /** Clears and sets bits of a descriptor's access byte, atomically. Returns the byte before. */
    static int changeAccess(Cpu cpu, int selector, int clear, int set) {
        final long at = linear(cpu, address(cpu, selector, 8) + ACCESS_BYTE);
        int found = (int) cpu.mmu.readSystem(at, 1);
        cpu.mmu.setPrivilege(false, false);
        try {
            for (; ; ) {
                final int before = found;
                found = (int) cpu.mmu.compareAndExchange(at, 1, before, (before & ~clear) | set);
                if (found == before) {
                    return before;
                }
            }
        } finally {
            ControlRegisters.updatePrivilege(cpu);
        }
    }

    /** Outside long mode linear addresses have 32 bits. */
    static long linear(Cpu cpu, long address) {
        return cpu.isLongMode() ? address : address & 0xffff_ffffL;
    }
}
