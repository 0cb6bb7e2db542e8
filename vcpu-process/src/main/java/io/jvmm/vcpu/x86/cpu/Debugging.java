package io.jvmm.vcpu.x86.cpu;

import io.jvmm.vcpu.x86.mmu.PhysicalMemory;
import io.jvmm.vcpu.x86.mmu.Vector;

/**
 * Breakpoints and single-step (SDM 3B chapter 18).
 *
 * <p>The executor's part: while {@link #isStepping}, blocks have one instruction, run as {@link #before}, the step,
 * then (rip advanced) {@link #after}; a DeviceExit is followed by {@link #abandon}. A repeated string instruction does
 * one item at a time while TF is set, and sets RFLAGS.RF when it is left with more to do.
 */
public final class Debugging {
    /** DR6 with nothing reported. */
    private static final long DR6_RESET = 0xffff_0ff0L;

    private static final long DR6_WRITABLE = 0xe00f;
    private static final long DR7_RESET = 0x400;
    private static final long DR7_WRITABLE = 0xffff_23ffL;
    /** DR7: L0 G0 .. L3 G3. */
    private static final long ENABLES = 0xff;
    /** DR7: general detect. */
    private static final long GD = 1 << 13;
    /** DR6: a debug register was to be accessed. */
    private static final long BD = 1 << 13;
    /** DR6: single-step. */
    private static final int BS = 1 << 14;

    private static final int BREAK_EXECUTE = 0;
    private static final int BREAK_WRITE = 1;
    private static final int BREAK_PORT = 2;
    private static final int BREAK_ACCESS = 3;

    private Debugging() {}

    /** Debug registers after reset. */
    static void reset(Cpu cpu) {
        for (int i = 0; i < 4; i++) {
            cpu.dr[i] = 0;
        }
        cpu.dr[6] = DR6_RESET;
        cpu.dr[7] = DR7_RESET;
        cpu.stepFlags = 0;
        cpu.watchHits = 0;
        cpu.mmu.setWatch(null);
    }

    /** Whether the next instruction needs {@link #before} and {@link #after}: TF, RF or an armed breakpoint. */
    public static boolean isStepping(Cpu cpu) {
        return (cpu.otherFlags & (Flags.TF | Flags.RF)) != 0 || (cpu.dr[7] & ENABLES) != 0;
    }

    /** Raises #DB for an execution breakpoint at {@code cpu.rip} unless RF is set, then clears RF. */
    public static void before(Cpu cpu) {
        cpu.stepFlags = cpu.otherFlags & (Flags.TF | Flags.RF);
        cpu.watchHits = 0;
        if ((cpu.dr[7] & ENABLES) != 0 && (cpu.otherFlags & Flags.RF) == 0 && !cpu.debugShadow) {
            final int hits = executionHits(cpu);
            if (hits != 0) {
                cpu.dr[6] |= hits;
                throw cpu.exception.of(Vector.DB);
            }
        }
        cpu.otherFlags &= ~Flags.RF;
        cpu.debugShadow = false;
    }

    private static int executionHits(Cpu cpu) {
        final long linear = cpu.codeBytes == 8 ? cpu.rip : (cpu.segments[Segment.CS].base + cpu.rip) & 0xffff_ffffL;
        int hits = 0;
        for (int i = 0; i < 4; i++) {
            if (isEnabled(cpu, i) && kind(cpu, i) == BREAK_EXECUTE && address(cpu, i) == linear) {
                hits |= 1 << i;
            }
        }
        return hits;
    }

    /**
     * After the instruction, {@code cpu.rip} behind it: delivers the #DB of single-step and data breakpoints as a trap.
     */
    public static void after(Cpu cpu) {
        final int hits = cpu.watchHits | ((cpu.stepFlags & Flags.TF) != 0 ? BS : 0);
        if (hits != 0 && !cpu.debugShadow) {
            cpu.dr[6] |= hits;
            cpu.stepFlags = 0;
            cpu.watchHits = 0;
            Delivery.trap(cpu, Vector.DB);
        }
    }

    /** The instruction was given up and will begin again: RF is as it was. */
    public static void abandon(Cpu cpu) {
        cpu.otherFlags |= cpu.stepFlags & Flags.RF;
    }

    /** Whether any data breakpoint is armed. */
    private static boolean isWatching(Cpu cpu) {
        for (int i = 0; i < 4; i++) {
            if (isEnabled(cpu, i) && isData(cpu, i)) {
                return true;
            }
        }
        return false;
    }

    /** Break on data writes or on data accesses. */
    private static boolean isData(Cpu cpu, int i) {
        return (kind(cpu, i) & BREAK_WRITE) != 0;
    }

    /** Whether a data breakpoint lies in this page, or may overlap into it. */
    static boolean isPageWatched(Cpu cpu, long linear) {
        final long page = linear & -PhysicalMemory.PAGE_BYTES;
        for (int i = 0; i < 4; i++) {
            if (isEnabled(cpu, i) && isData(cpu, i) && (address(cpu, i) & -PhysicalMemory.PAGE_BYTES) == page) {
                return true;
            }
        }
        return false;
    }

    /** An access of data: notes the breakpoints that it meets, for {@link #after}. */
    static void accessed(Cpu cpu, long linear, int lengthBytes, boolean write) {
        for (int i = 0; i < 4; i++) {
            if (isEnabled(cpu, i)) {
                final int kind = kind(cpu, i);
                if ((kind == BREAK_WRITE && write) || kind == BREAK_ACCESS) {
                    note(cpu, i, linear, lengthBytes);
                }
            }
        }
    }

    /** IN, OUT, INS or OUTS with CR4.DE: notes the I/O breakpoints that it meets (SDM 3B 18.2.4), for {@link #after}. */
    public static void portUsed(Cpu cpu, int port, int lengthBytes) {
        if ((cpu.dr[7] & ENABLES) == 0) {
            return;
        }
        for (int i = 0; i < 4; i++) {
            if (isEnabled(cpu, i) && kind(cpu, i) == BREAK_PORT) {
                note(cpu, i, port, lengthBytes);
            }
        }
    }

    private static void note(Cpu cpu, int i, long at, int lengthBytes) {
        final int watched = watchedBytes(cpu, i);
        final long from = address(cpu, i) & -watched;
        if (at < from + watched && from < at + lengthBytes) {
            cpu.watchHits |= 1 << i;
        }
    }

    private static boolean isEnabled(Cpu cpu, int i) {
        return (cpu.dr[7] >>> (2 * i) & 3) != 0;
    }

    private static int kind(Cpu cpu, int i) {
        return (int) (cpu.dr[7] >>> (16 + 4 * i)) & 3;
    }

    private static int watchedBytes(Cpu cpu, int i) {
        return switch ((int) (cpu.dr[7] >>> (18 + 4 * i)) & 3) {
            case 0 -> 1;
            case 1 -> 2;
            case 2 -> 8;
            default -> 4;
        };
    }

    /** Outside 64-bit mode the upper half does not count. */
    private static long address(Cpu cpu, int i) {
        return cpu.codeBytes == 8 ? cpu.dr[i] : cpu.dr[i] & 0xffff_ffffL;
    }

    /** MOV from DRn: CPL, DR4 and DR5, general detect. */
    public static long read(Cpu cpu, int number) {
        return cpu.dr[checked(cpu, number)];
    }

    /** MOV to DRn. */
    public static void write(Cpu cpu, int number, long value) {
        final int register = checked(cpu, number);
        if (register >= 6 && value >>> 32 != 0) {
            throw cpu.protection();
        }
        cpu.dr[register] = switch (register) {
            case 6 -> (value & DR6_WRITABLE) | DR6_RESET;
            case 7 -> (value & DR7_WRITABLE) | DR7_RESET;
            default -> value;
        };
        if (register != 6) {
            rearm(cpu);
            cpu.budget = 0;
        }
    }

    /** Makes the Mmu watch what the registers say. */
    static void rearm(Cpu cpu) {
        cpu.mmu.setWatch(isWatching(cpu) ? cpu.watch : null);
        cpu.mmu.flushAll();
    }

    private static int checked(Cpu cpu, int number) {
        final boolean alias = number == 4 || number == 5;
        if (number > 7 || (alias && (cpu.cr4 & ControlRegisters.CR4_DE) != 0)) {
            throw cpu.undefined();
        }
        if (cpu.cpl != 0) {
            throw cpu.protection();
        }
        if ((cpu.dr[7] & GD) != 0) {
            cpu.dr[6] |= BD;
            throw cpu.exception.of(Vector.DB);
        }
        return alias ? number + 2 : number;
    }

    /** #DB is about to be delivered: its handler may use the debug registers. */
    static void entering(Cpu cpu) {
        cpu.dr[7] &= ~GD;
    }
}
