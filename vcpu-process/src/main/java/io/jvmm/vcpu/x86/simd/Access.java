package io.jvmm.vcpu.x86.simd;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.mmu.Vector;

/** What every SIMD instruction does first, and 16-byte memory operands. Static; throws what the instruction raises. */
final class Access {
    private static final long CR0_EM = 4;
    private static final long CR0_TS = 8;
    private static final long CR4_OSFXSR = 1 << 9;
    private static final int MISALIGNED = 15;

    private Access() {}

    /** SSE instructions: #UD when the system does not save XMM registers, #NM when they belong to another task (SDM 3A 14.1). */
    static void sse(Cpu cpu) {
        if (((cpu.cr0 & (CR0_EM | CR0_TS)) | (~cpu.cr4 & CR4_OSFXSR)) != 0) {
            if ((cpu.cr0 & CR0_EM) != 0 || (cpu.cr4 & CR4_OSFXSR) == 0) {
                throw cpu.undefined();
            }
            throw cpu.exception.of(Vector.NM);
        }
    }

    /** MMX instructions (SDM 3A 13.1): #UD, #NM, and #MF when an x87 exception is pending. */
    static void mmx(Cpu cpu) {
        if ((cpu.cr0 & (CR0_EM | CR0_TS)) != 0) {
            if ((cpu.cr0 & CR0_EM) != 0) {
                throw cpu.undefined();
            }
            throw cpu.exception.of(Vector.NM);
        }
        if (cpu.x87.isErrorPending()) {
            throw cpu.exception.of(Vector.MF);
        }
    }

    /** From x87 to MMX (SDM 3A 13.2.1): TOP 0, all registers valid. */
    static void enterMmx(Cpu cpu) {
        cpu.x87.top = 0;
        cpu.x87.tagWord = 0;
    }

    /** Writes an MMX register: the significand, and ones in sign and exponent (SDM 3A 13.2). */
    static void setMmx(Cpu cpu, int register, long value) {
        enterMmx(cpu);
        cpu.x87.significand[register] = value;
        cpu.x87.signExponent[register] = 0xffff;
    }

    /** #GP(0) where an operand of 16 bytes has to be aligned and is not. */
    static void align(Cpu cpu, long linear) {
        if ((linear & MISALIGNED) != 0) {
            throw cpu.protection();
        }
    }
}
