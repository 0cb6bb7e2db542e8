package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Flags;
import io.jvmm.vcpu.x86.cpu.Segment;
import io.jvmm.vcpu.x86.cpu.Segmentation;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import org.jspecify.annotations.Nullable;

/**
 * MOVS, CMPS, STOS, LODS, SCAS, INS, OUTS, alone and repeated (SDM 2, and REP/REPE/REPNE there).
 *
 * <p>A repeated one is the last of its block. It commits rCX, rSI and rDI after each item, or after a run of items in one page of RAM that
 * cannot fault ({@link StringStepsRun}), does at most {@link #MOST_ITEMS} and then leaves {@code cpu.rip} at itself, so that interrupts
 * are taken in between.
 */
final class StringSteps {
    /** Items of one execution of a repeated instruction. */
    static final int MOST_ITEMS = 4096;

    /** So many items take about the time of an instruction: what the budget is charged. */
    private static final int ITEMS_OF_AN_INSTRUCTION = 8;

    private StringSteps() {}

    /** A step for the instruction, or null when it is not one of these. */
    static @Nullable Step build(Insn insn) {
        return switch (insn.op) {
            case MOVS, CMPS, STOS, LODS, SCAS, INS, OUTS ->
                insn.rep || insn.repne ? new Repeated(insn) : new Single(insn);
            default -> null;
        };
    }

    /** One item of an instruction; the fields are what both forms need. */
    abstract static class Item extends Step {
        final Op op;
        final int bytes;
        final int addressBytes;
        private final int segment;
        private final long mask;

        Item(Insn insn) {
            this.op = insn.op;
            this.bytes = insn.operandBytes;
            this.addressBytes = insn.addressBytes;
            this.segment = insn.segment;
            this.mask = Address.bits(insn.addressBytes);
        }

        final long source(Cpu cpu) {
            return Segmentation.linear(cpu, segment, cpu.r[Cpu.RSI] & mask, bytes, false);
        }

        final long destination(Cpu cpu, boolean write) {
            return Segmentation.linear(cpu, Segment.ES, cpu.r[Cpu.RDI] & mask, bytes, write);
        }

        final long count(Cpu cpu) {
            return cpu.r[Cpu.RCX] & mask;
        }

        final void advance(Cpu cpu, int register, long by) {
            Operand.writeRegister(cpu.r, register, addressBytes, cpu.r[register] + by);
        }

        /** From one item to the next. */
        final int stride(Cpu cpu) {
            return (cpu.otherFlags & Flags.DF) == 0 ? bytes : -bytes;
        }

        final void item(Cpu cpu) {
            final int stride = stride(cpu);
            switch (op) {
                case MOVS -> {
                    final long value = cpu.mmu.read(source(cpu), bytes);
                    cpu.mmu.write(destination(cpu, true), bytes, value);
                    advance(cpu, Cpu.RSI, stride);
                    advance(cpu, Cpu.RDI, stride);
                }
                case STOS -> {
                    cpu.mmu.write(destination(cpu, true), bytes, cpu.r[Cpu.RAX]);
                    advance(cpu, Cpu.RDI, stride);
                }
                case LODS -> {
                    Operand.writeRegister(cpu.r, Cpu.RAX, bytes, cpu.mmu.read(source(cpu), bytes));
                    advance(cpu, Cpu.RSI, stride);
                }
                case CMPS -> {
                    final long a = cpu.mmu.read(source(cpu), bytes);
                    final long b = cpu.mmu.read(destination(cpu, false), bytes);
                    cpu.setLazy(Flags.SUB + IntegerSteps.log2(bytes), a - b, b);
                    advance(cpu, Cpu.RSI, stride);
                    advance(cpu, Cpu.RDI, stride);
                }
                case SCAS -> {
                    final long b = cpu.mmu.read(destination(cpu, false), bytes);
                    cpu.setLazy(Flags.SUB + IntegerSteps.log2(bytes), cpu.r[Cpu.RAX] - b, b);
                    advance(cpu, Cpu.RDI, stride);
                }
                case INS -> input(cpu, stride);
                default -> output(cpu, stride);
            }
        }

        /** The device is read only once it is certain that the value can be stored. */
        private void input(Cpu cpu, int stride) {
            final int port = PortSteps.checkedPort(cpu, bytes);
            final long linear = destination(cpu, true);
            Update.prepare(cpu.mmu, linear, bytes);
            cpu.mmu.write(linear, bytes, cpu.devices.ins(port, bytes));
            advance(cpu, Cpu.RDI, stride);
        }

        private void output(Cpu cpu, int stride) {
            final int port = PortSteps.checkedPort(cpu, bytes);
            cpu.devices.out(port, bytes, (int) cpu.mmu.read(source(cpu), bytes));
            advance(cpu, Cpu.RSI, stride);
        }
    }

    private static final class Single extends Item {
        Single(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            item(cpu);
        }
    }

    private static final class Repeated extends Item {
        private final int here;
        private final int next;
        /** CMPS and SCAS end when ZF is not this. */
        private final boolean whileEqual;

        private final boolean compares;
        /** Linear addresses are offsets, and nothing wraps: runs are possible. */
        private final boolean flat;

        Repeated(Insn insn) {
            super(insn);
            this.here = insn.offset;
            this.next = insn.end();
            this.whileEqual = !insn.repne;
            this.compares = op == Op.CMPS || op == Op.SCAS;
            this.flat = insn.codeBytes == 8 && addressBytes == 8;
        }

        @Override
        public void run(Cpu cpu) {
            final boolean forward = (cpu.otherFlags & Flags.DF) == 0;
            final int items = (cpu.otherFlags & Flags.TF) != 0 ? 1 : MOST_ITEMS;
            int left = items;
            boolean more = count(cpu) != 0;
            while (more && left > 0) {
                final int most = (int) Math.min(left, count(cpu) & Long.MAX_VALUE);
                int done = flat && forward && most > 1 ? runOf(cpu, most) : 0;
                if (done == 0) {
                    item(cpu);
                    done = 1;
                } else {
                    commit(cpu, done);
                }
                advance(cpu, Cpu.RCX, -done);
                left -= done;
                more = count(cpu) != 0 && (!compares || cpu.condition(4) == whileEqual);
            }
            // So that long copies do not put off interrupts.
            final int charge = (items - left) / ITEMS_OF_AN_INSTRUCTION;
            cpu.budget -= charge;
            cpu.charged += charge;
            cpu.rip = cpu.blockRip + (more ? here : next);
        }

        /** Does up to so many items without changing a general register; 0 when it must go item by item. */
        private int runOf(Cpu cpu, int most) {
            return switch (op) {
                case MOVS -> StringStepsRun.move(cpu.mmu, source(cpu), destination(cpu, true), bytes, most);
                case STOS -> StringStepsRun.store(cpu.mmu, destination(cpu, true), bytes, most, cpu.r[Cpu.RAX]);
                case CMPS -> StringStepsRun.compare(cpu, source(cpu), destination(cpu, false), bytes, most, whileEqual);
                case SCAS -> StringStepsRun.scan(cpu, destination(cpu, false), bytes, most, whileEqual);
                case INS -> StringStepsRun.input(cpu, destination(cpu, true), bytes, most);
                case OUTS -> StringStepsRun.output(cpu, source(cpu), bytes, most);
                default -> 0;
            };
        }

        private void commit(Cpu cpu, int items) {
            final long by = (long) items * bytes;
            if (op == Op.MOVS || op == Op.CMPS || op == Op.OUTS) {
                cpu.r[Cpu.RSI] += by;
            }
            if (op != Op.OUTS) {
                cpu.r[Cpu.RDI] += by;
            }
        }
    }
}
