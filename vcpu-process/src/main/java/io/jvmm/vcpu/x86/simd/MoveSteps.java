package io.jvmm.vcpu.x86.simd;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.decode.OperandKind;
import io.jvmm.vcpu.x86.interp.Address;

/** Moves between XMM registers and memory. */
final class MoveSteps {
    private MoveSteps() {}

    static Step build(Insn insn) {
        if (insn.kind1 == OperandKind.MEM) {
            return insn.operandBytes == 16 ? new Store(insn) : new StorePart(insn);
        }
        return switch (insn.op) {
            case MOVAPS, MOVAPD, MOVDQA, MOVNTDQA -> new Whole(insn, true);
            case MOVUPS, MOVUPD, MOVDQU, LDDQU -> new Whole(insn, false);
            case MOVSD -> insn.kind2 == OperandKind.MEM ? new Quad(insn) : new Low(insn);
            case MOVQ -> new Quad(insn);
            case MOVLPS, MOVLPD -> new Low(insn);
            case MOVHPS, MOVHPD, MOVLHPS -> new High(insn);
            default -> new Rare(insn);
        };
    }

    private static final class Whole extends XmmStep {
        Whole(Insn insn, boolean aligned) {
            super(insn, aligned);
        }

        @Override
        void compute(Cpu cpu, long[] x, long low, long high) {
            x[d] = low;
            x[d + 1] = high;
        }
    }

    private static final class Quad extends XmmStep {
        Quad(Insn insn) {
            super(insn);
        }

        @Override
        void compute(Cpu cpu, long[] x, long low, long high) {
            x[d] = low;
            x[d + 1] = 0;
        }
    }

    private static final class Low extends XmmStep {
        Low(Insn insn) {
            super(insn);
        }

        @Override
        void compute(Cpu cpu, long[] x, long low, long high) {
            x[d] = low;
        }
    }

    private static final class High extends XmmStep {
        High(Insn insn) {
            super(insn);
        }

        @Override
        void compute(Cpu cpu, long[] x, long low, long high) {
            x[d + 1] = low;
        }
    }

    private static final class Rare extends XmmStep {
        private final Op op;

        Rare(Insn insn) {
            super(insn);
            this.op = insn.op;
        }

        @Override
        void compute(Cpu cpu, long[] x, long low, long high) {
            switch (op) {
                case MOVSS -> {
                    if (isLoad()) {
                        x[d] = low;
                        x[d + 1] = 0;
                    } else {
                        x[d] = (x[d] & ~0xffff_ffffL) | (low & 0xffff_ffffL);
                    }
                }
                case MOVHLPS -> x[d] = high;
                case MOVDDUP -> {
                    x[d] = low;
                    x[d + 1] = low;
                }
                case MOVSLDUP -> {
                    x[d] = (low & 0xffff_ffffL) | low << 32;
                    x[d + 1] = (high & 0xffff_ffffL) | high << 32;
                }
                case MOVSHDUP -> {
                    x[d] = (low & ~0xffff_ffffL) | low >>> 32;
                    x[d + 1] = (high & ~0xffff_ffffL) | high >>> 32;
                }
                default -> throw new IllegalStateException(op.toString());
            }
        }
    }

    private static final class Store extends Step {
        private final Address address;
        private final int s;
        private final boolean aligned;

        Store(Insn insn) {
            this.address = new Address(insn, 16, true);
            this.s = 2 * insn.reg2;
            this.aligned = switch (insn.op) {
                case MOVUPS, MOVUPD, MOVDQU -> false;
                default -> true;
            };
        }

        @Override
        public void run(Cpu cpu) {
            Access.sse(cpu);
            final long linear = address.linear(cpu);
            if (aligned) {
                Access.align(cpu, linear);
            }
            cpu.mmu.write128(linear, cpu.xmm[s], cpu.xmm[s + 1]);
        }
    }

    /** Stores of four and eight bytes. */
    private static final class StorePart extends Step {
        private final Address address;
        private final int s;
        private final int bytes;

        StorePart(Insn insn) {
            this.bytes = insn.operandBytes;
            this.address = new Address(insn, bytes, true);
            this.s = 2 * insn.reg2 + (insn.op == Op.MOVHPS || insn.op == Op.MOVHPD ? 1 : 0);
        }

        @Override
        public void run(Cpu cpu) {
            Access.sse(cpu);
            final long linear = address.linear(cpu);
            if (bytes == 8) {
                cpu.mmu.write64(linear, cpu.xmm[s]);
            } else {
                cpu.mmu.write32(linear, (int) cpu.xmm[s]);
            }
        }
    }
}
