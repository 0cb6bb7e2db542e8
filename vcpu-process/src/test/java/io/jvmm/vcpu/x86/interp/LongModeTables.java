package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.ControlRegisters;
import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.ResetState;
import io.jvmm.vcpu.x86.cpu.Segment;

/**
 * Tables of 64-bit mode for tests.
 *
 * <pre>
 *   1000 GDT: 10 code 64, 18 data, 20 user code 32, 28 user data, 30 user code 64, 38 TSS
 *   2000 IDT: 256 interrupt gates to HANDLERS + 16 * vector, each of which is a HLT
 *   3000 TSS: RSP0 30000, IST1 32000      5000 code       20000 stack       40000 page tables
 * </pre>
 */
public final class LongModeTables {
    public static final int GDT = 0x1000;
    public static final int IDT = 0x2000;
    public static final int TSS = 0x3000;
    public static final int CODE = 0x5000;
    public static final int STACK = 0x2_0000;
    public static final int HANDLERS = 0x1_0000;
    public static final int RSP0 = 0x3_0000;
    public static final int IST1 = 0x3_2000;
    public static final int PML4 = 0x4_0000;
    /** A page that is not mapped. */
    public static final int HOLE = 0x20_0000;

    public static final int KERNEL_CODE = 0x10;
    public static final int KERNEL_DATA = 0x18;
    public static final int USER_DATA = 0x2b;
    public static final int USER_CODE = 0x33;

    private static final long INTERRUPT_GATE = 0x8e00;

    private final SystemRig rig;

    LongModeTables(SystemRig rig) {
        this.rig = rig;
        final long[] gdt = {
            0,
            0,
            0x00af_9b00_0000_ffffL,
            0x00cf_9300_0000_ffffL,
            0x00cf_fb00_0000_ffffL,
            0x00cf_f300_0000_ffffL,
            0x00af_fb00_0000_ffffL,
            0x0000_8900_3000_0067L,
            0
        };
        for (int i = 0; i < gdt.length; i++) {
            rig.put64(GDT + i * 8L, gdt[i]);
        }
        for (int vector = 0; vector < 256; vector++) {
            gate(vector, INTERRUPT_GATE);
            rig.put(HANDLERS + vector * 16L, (byte) 0xf4);
        }
        rig.put64(TSS + 4, RSP0);
        rig.put64(TSS + 36, IST1);
        rig.put64(PML4, PML4 + 0x1007);
        rig.put64(PML4 + 0x1000, PML4 + 0x2007);
        for (int i = 0; i < 8; i++) {
            rig.put64(PML4 + 0x2000 + i * 8L, i * 0x20_0000L == HOLE ? 0 : i * 0x20_0000L | 0x87);
        }
        final Cpu cpu = rig.cpu;
        ResetState.long64(cpu, CODE, PML4, GDT, gdt.length * 8 - 1);
        cpu.idtBase = IDT;
        cpu.idtLimit = 0xfff;
        cpu.segments[Segment.TR].set(0x38, TSS, 0x67, 0x8b);
        cpu.r[Cpu.RSP] = STACK;
    }

    /** The gate of a vector to its handler; {@code attributes} are type, DPL, P and IST. */
    public void gate(int vector, long attributes) {
        final long offset = HANDLERS + vector * 16L;
        rig.put64(
                IDT + vector * 16L,
                (offset & 0xffff) | (long) KERNEL_CODE << 16 | attributes << 32 | offset >>> 16 << 48);
        rig.put64(IDT + vector * 16L + 8, 0);
    }

    /** Continues at CODE in ring 3. */
    public void user() {
        final Cpu cpu = rig.cpu;
        cpu.segments[Segment.CS].set(USER_CODE, 0, 0xffff_ffffL, 0xa0fb);
        cpu.segments[Segment.SS].set(USER_DATA, 0, 0xffff_ffffL, 0xc0f3);
        cpu.cpl = 3;
        ControlRegisters.updateMode(cpu);
    }

    /** Which handler RIP is at, or behind. */
    public static int vectorAt(long rip) {
        return (int) (rip - HANDLERS) / 16;
    }
}
