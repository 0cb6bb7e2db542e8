package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Segment;
import io.jvmm.vcpu.x86.cpu.Segmentation;
import io.jvmm.vcpu.x86.decode.Insn;

/**
 * The memory operand of one instruction, bound to its registers: gives the linear address (SDM 1 3.7.5). Immutable, shared
 * by all vCPUs.
 *
 * <p>In 64-bit code with 64-bit addresses and no segment base, by far the most frequent case, this is one sum without a
 * branch but one: a missing base or index is the register that is always zero. Everything else (RIP-relative, FS and GS,
 * shorter addresses, segments with limits) takes a second look.
 */
public final class Address {
    private final int base;
    private final int index;
    private final int shift;
    private final long displacement;
    /** The sum is the linear address. */
    private final boolean plain;

    private final boolean ripRelative;
    private final long offsetMask;
    private final int segment;
    private final int bytes;
    private final boolean write;

    /**
     * Binds the memory operand of an instruction.
     *
     * @param bytes length of the access, for the limit check
     * @param write whether the access writes, for the check of the segment's type
     */
    public Address(Insn insn, int bytes, boolean write) {
        this.ripRelative = insn.base == Insn.RIP;
        this.base = ripRelative ? Cpu.ZERO : insn.base;
        this.index = insn.indexRegister;
        this.shift = insn.scaleShift;
        this.displacement = ripRelative ? insn.displacement + insn.end() : insn.displacement;
        this.offsetMask = bits(insn.addressBytes);
        this.segment = insn.segment;
        this.bytes = bytes;
        this.write = write;
        this.plain = insn.codeBytes == 8 && !ripRelative && insn.addressBytes == 8 && segment < Segment.FS;
    }

    /** The bits of a value of so many bytes. */
    static long bits(int bytes) {
        return bytes >= 8 ? -1L : (1L << (8 * bytes)) - 1;
    }

    /** The linear address, after the checks that the segment wants. */
    public long linear(Cpu cpu) {
        final long[] r = cpu.r;
        final long sum = r[base] + (r[index] << shift) + displacement;
        return plain ? sum : special(cpu, sum);
    }

    /** The linear address of something {@code further} bytes on (BT with a bit offset in a register). */
    public long linear(Cpu cpu, long further) {
        return special(cpu, cpu.r[base] + (cpu.r[index] << shift) + displacement + further);
    }

    /** The offset into the segment, as LEA computes it. */
    public long effective(Cpu cpu) {
        final long[] r = cpu.r;
        final long sum = r[base] + (r[index] << shift) + displacement;
        return plain ? sum : (ripRelative ? sum + cpu.blockRip : sum) & offsetMask;
    }

    /** Whether a register of this number takes part, so that changing it first would change the address. */
    boolean uses(int register) {
        return base == register || index == register;
    }

    private long special(Cpu cpu, long sum) {
        final long offset = (ripRelative ? sum + cpu.blockRip : sum) & offsetMask;
        return Segmentation.linear(cpu, segment, offset, bytes, write);
    }
}
