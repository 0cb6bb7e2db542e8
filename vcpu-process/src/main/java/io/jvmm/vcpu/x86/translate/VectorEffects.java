package io.jvmm.vcpu.x86.translate;

import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.decode.OperandKind;

/**
 * What MMX and SSE instructions do to general registers and flags: mostly nothing, so that they can be called with
 * hardly anything stored.
 */
final class VectorEffects {
    private VectorEffects() {}

    /** As {@link Effects#of}; everything that is no such instruction touches everything. */
    static Effects of(Insn i, int address) {
        final Op op = i.op;
        if (op.compareTo(Op.MOVD) < 0 || !(isVector(i.kind1) || isVector(i.kind2))) {
            return Effects.unknown();
        }
        return switch (op) {
            // Implied operands: RDI, or EAX, EDX and ECX.
            case MASKMOVQ, MASKMOVDQU, PCMPESTRM, PCMPESTRI, PCMPISTRM, PCMPISTRI -> Effects.unknown();
            case PTEST, COMISS, COMISD, UCOMISS, UCOMISD ->
                new Effects(address, 0, false, true, true, true, false, true);
            default ->
                // Any of them may fault: #NM (but not where it is emitted), #XM, misaligned.
                new Effects(
                        address | Effects.first(i) | Effects.second(i) | Effects.third(i),
                        Effects.first(i),
                        false,
                        false,
                        false,
                        i.hasMemory() || !VectorInline.supports(i) || VectorInline.isFloat(op),
                        i.kind1 == OperandKind.MEM,
                        true);
        };
    }

    private static boolean isVector(OperandKind kind) {
        return kind == OperandKind.XMM || kind == OperandKind.MMX;
    }
}
