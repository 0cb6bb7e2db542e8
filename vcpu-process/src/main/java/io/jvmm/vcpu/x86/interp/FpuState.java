package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.fpu.X87;
import io.jvmm.vcpu.x86.mmu.Mmu;

/**
 * The 512-byte image of x87, MMX and SSE state that FXSAVE writes (SDM 1 10.5.1), and the parts of it that XSAVE writes one by
 * one (SDM 1 13.4). Memory is read and written through the MMU; registers change only after everything has been read.
 */
final class FpuState {
    /** Length of the legacy image. */
    static final int BYTES = 512;
    /** Bits of MXCSR that exist: all of the low 16, DAZ included. */
    static final int MXCSR_MASK = 0xffff;
    /** MXCSR after reset: all exceptions masked. */
    static final int MXCSR_INITIAL = 0x1f80;

    private static final int AT_MXCSR = 24;
    private static final int AT_ST = 32;
    private static final int AT_XMM = 160;
    private static final int SLOT = 16;

    private FpuState() {}

    /** Bytes 0..23 and the eight registers, relative to TOP. */
    static void saveX87(Cpu cpu, long at, boolean wide) {
        final X87 x87 = cpu.x87;
        final Mmu mmu = cpu.mmu;
        mmu.write16(at, x87.controlWord);
        mmu.write16(at + 2, statusWord(x87));
        mmu.write16(at + 4, abridgedTags(x87));
        mmu.write16(at + 6, x87.opcode);
        if (wide) {
            mmu.write64(at + 8, x87.instructionPointer);
            mmu.write64(at + 16, x87.dataPointer);
        } else {
            mmu.write32(at + 8, (int) x87.instructionPointer);
            mmu.write32(at + 12, x87.instructionSelector & 0xffff);
            mmu.write32(at + 16, (int) x87.dataPointer);
            mmu.write32(at + 20, x87.dataSelector & 0xffff);
        }
        for (int i = 0; i < 8; i++) {
            final int register = (x87.top + i) & 7;
            mmu.write64(at + AT_ST + (long) SLOT * i, x87.significand[register]);
            mmu.write64(at + AT_ST + (long) SLOT * i + 8, x87.signExponent[register] & 0xffffL);
        }
    }

    /** The reverse of {@link #saveX87}, from an image in {@code words}. */
    static void loadX87(Cpu cpu, long[] words, boolean wide) {
        final X87 x87 = cpu.x87;
        x87.controlWord = ((int) words[0] & 0x1f3f) | 0x40;
        setStatusWord(x87, (int) (words[0] >>> 16) & 0xffff);
        final int valid = (int) (words[0] >>> 32) & 0xff;
        x87.opcode = (int) (words[0] >>> 48) & 0x7ff;
        x87.instructionPointer = wide ? words[1] : words[1] & 0xffff_ffffL;
        x87.instructionSelector = wide ? 0 : (int) (words[1] >>> 32) & 0xffff;
        x87.dataPointer = wide ? words[2] : words[2] & 0xffff_ffffL;
        x87.dataSelector = wide ? 0 : (int) (words[2] >>> 32) & 0xffff;
        for (int i = 0; i < 8; i++) {
            final int register = (x87.top + i) & 7;
            x87.significand[register] = words[(AT_ST + SLOT * i) / 8];
            x87.signExponent[register] = (int) words[(AT_ST + SLOT * i) / 8 + 1] & 0xffff;
        }
        int tags = 0;
        for (int register = 0; register < 8; register++) {
            final int tag = (valid >> register & 1) == 0 ? X87.TAG_EMPTY : x87.tagOf(register);
            tags |= tag << (2 * register);
        }
        x87.tagWord = tags;
    }

    /** FNINIT (SDM 2). */
    static void initX87(Cpu cpu) {
        final X87 x87 = cpu.x87;
        x87.controlWord = 0x37f;
        setStatusWord(x87, 0);
        x87.tagWord = 0xffff;
        x87.opcode = 0;
        x87.instructionPointer = 0;
        x87.instructionSelector = 0;
        x87.dataPointer = 0;
        x87.dataSelector = 0;
    }

    static void clearX87Registers(Cpu cpu) {
        java.util.Arrays.fill(cpu.x87.significand, 0);
        java.util.Arrays.fill(cpu.x87.signExponent, 0);
    }

    /** MXCSR and its mask. */
    static void saveMxcsr(Cpu cpu, long at) {
        cpu.mmu.write32(at + AT_MXCSR, cpu.mxcsr);
        cpu.mmu.write32(at + AT_MXCSR + 4, MXCSR_MASK);
    }

    static int mxcsr(long[] words) {
        return (int) words[AT_MXCSR / 8];
    }

    /** XMM registers: sixteen in 64-bit mode, else eight. */
    static void saveXmm(Cpu cpu, long at) {
        final int count = cpu.is64() ? 32 : 16;
        for (int i = 0; i < count; i++) {
            cpu.mmu.write64(at + AT_XMM + 8L * i, cpu.xmm[i]);
        }
    }

    static void loadXmm(Cpu cpu, long[] words) {
        System.arraycopy(words, AT_XMM / 8, cpu.xmm, 0, cpu.is64() ? 32 : 16);
    }

    static void clearXmm(Cpu cpu) {
        java.util.Arrays.fill(cpu.xmm, 0, cpu.is64() ? 32 : 16, 0L);
    }

    /** The status word with TOP in its place. */
    static int statusWord(X87 x87) {
        return (x87.statusWord & ~0x3800) | x87.top << 11;
    }

    static void setStatusWord(X87 x87, int word) {
        x87.top = word >> 11 & 7;
        x87.statusWord = word & ~0x3800;
        x87.updateSummary();
    }

    /** One bit a register: not empty. */
    private static int abridgedTags(X87 x87) {
        int valid = 0;
        for (int register = 0; register < 8; register++) {
            if ((x87.tagWord >> (2 * register) & 3) != X87.TAG_EMPTY) {
                valid |= 1 << register;
            }
        }
        return valid;
    }
}
