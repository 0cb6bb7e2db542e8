package io.jvmm.vcpu.x86.simd;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.OperandKind;
import io.jvmm.vcpu.x86.interp.Address;
import org.jspecify.annotations.Nullable;

/**
 * An instruction with an XMM destination and an XMM register or memory for its source: fetches the source, after the checks, and leaves
 * the rest to {@link #compute}. A memory operand of 16 bytes has to be aligned unless the instruction says otherwise.
 */
abstract class XmmStep extends Step {
    /** Index of the destination's low half in {@code Cpu.xmm}; the high half follows. */
    final int d;

    private final int s;
    private final @Nullable Address address;
    private final int bytes;
    private final boolean aligned;

    XmmStep(Insn insn) {
        this(insn, true);
    }

    XmmStep(Insn insn, boolean aligned) {
        this.d = 2 * insn.reg1;
        this.s = 2 * insn.reg2;
        this.bytes = insn.operandBytes;
        this.aligned = aligned;
        this.address = insn.kind2 == OperandKind.MEM ? new Address(insn, bytes, false) : null;
    }

    /**
     * Does the work.
     *
     * @param x the XMM registers
     * @param low low half of the source: of a shorter memory operand its bytes, zero-extended
     * @param high high half, 0 when memory has no 16 bytes
     */
    abstract void compute(Cpu cpu, long[] x, long low, long high);

    /** Whether the source is memory: loads of scalars then clear what registers leave alone. */
    final boolean isLoad() {
        return address != null;
    }

    @Override
    public final void run(Cpu cpu) {
        Access.sse(cpu);
        final long[] x = cpu.xmm;
        final Address from = address;
        if (from == null) {
            compute(cpu, x, x[s], x[s + 1]);
            return;
        }
        final long linear = from.linear(cpu);
        switch (bytes) {
            case 16 -> {
                if (aligned) {
                    Access.align(cpu, linear);
                } else {
                    cpu.mmu.checkOperand(linear, 16);
                }
                final long low = cpu.mmu.read64(linear);
                compute(cpu, x, low, cpu.mmu.read64(linear + 8));
            }
            case 8 -> compute(cpu, x, cpu.mmu.read64(linear), 0);
            case 4 -> compute(cpu, x, cpu.mmu.read32(linear) & 0xffff_ffffL, 0);
            default -> compute(cpu, x, cpu.mmu.read16(linear), 0);
        }
    }
}
