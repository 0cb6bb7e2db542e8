package io.jvmm.vcpu.x86.simd;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.OperandKind;
import io.jvmm.vcpu.x86.interp.Address;
import org.jspecify.annotations.Nullable;

/** An instruction with an MMX destination and an MMX register or memory for its source. */
abstract class MmxStep extends Step {
    private final int d;
    private final int s;
    private final @Nullable Address address;
    private final int bytes;

    MmxStep(Insn insn) {
        this.d = insn.reg1;
        this.s = insn.reg2;
        this.bytes = insn.operandBytes;
        this.address = insn.kind2 == OperandKind.MEM ? new Address(insn, bytes, false) : null;
    }

    /** The new value of the destination. */
    abstract long compute(long destination, long source);

    @Override
    public final void run(Cpu cpu) {
        Access.mmx(cpu);
        final long[] m = cpu.x87.significand;
        final Address from = address;
        final long source = from == null ? m[s] : cpu.mmu.read(from.linear(cpu), bytes);
        Access.setMmx(cpu, d, compute(m[d], source));
    }
}
