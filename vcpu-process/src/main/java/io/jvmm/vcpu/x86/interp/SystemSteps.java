package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.ControlRegisters;
import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Flags;
import io.jvmm.vcpu.x86.cpu.Privilege;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import org.jspecify.annotations.Nullable;

/**
 * System instructions that touch neither control registers nor segments: flags, halts, counters, CPUID, caches and
 * fences (SDM 2).
 */
final class SystemSteps {
    private SystemSteps() {}

    /** A step for the instruction, or null when it is not one of these. */
    static @Nullable Step build(Insn insn) {
        return switch (insn.op) {
            case HLT -> new Halt(insn);
            case CLI -> new ClearInterrupt();
            case CLAC, STAC -> new AlignmentFlag(insn);
            case NOP, ENDBR, PAUSE, PREFETCH, LFENCE, SFENCE -> new Hint(insn.op);
            case MFENCE -> new FullFence();
            case RDTSC -> new ReadTsc(false);
            case RDTSCP -> new ReadTsc(true);
            case RDPMC -> new NoCounter();
            case CPUID -> new Identify();
            case INVD, WBINVD -> new Supervisor();
            case CLFLUSH, CLFLUSHOPT, CLWB -> new CacheLine(insn);
            case UD, RSM, MONITOR, MWAIT -> new Undefined();
            default -> null;
        };
    }

    private static final class Halt extends Step {
        private final long next;

        Halt(Insn insn) {
            this.next = insn.end();
        }

        @Override
        public void run(Cpu cpu) {
            Privilege.checkSupervisor(cpu);
            cpu.halted = true;
            cpu.budget = 0;
            cpu.rip = cpu.blockRip + next;
        }
    }

    private static final class ClearInterrupt extends Step {
        @Override
        public void run(Cpu cpu) {
            Privilege.checkInterruptFlag(cpu);
            cpu.otherFlags &= ~Flags.IF;
        }
    }

    /** STI as the last instruction of its block, or before others. */
    static Step setInterrupt(Insn insn, boolean isLast) {
        return isLast ? new SetInterruptLast() : new SetInterrupt(insn);
    }

    /** Interrupts stay off for one more instruction if they were off. */
    private static final class SetInterruptLast extends Step {
        @Override
        public void run(Cpu cpu) {
            Privilege.checkInterruptFlag(cpu);
            if ((cpu.otherFlags & Flags.IF) == 0) {
                cpu.otherFlags |= Flags.IF;
                cpu.interruptShadow = true;
                cpu.budget = 0;
            }
        }
    }

    /**
     * Interrupts are looked at between blocks only: there is nothing to do for the next instruction, which is one of this block. But
     * one that waits must be taken right behind that instruction (which may be followed by CLI): then the block is left before this
     * one, which is run again by itself.
     */
    private static final class SetInterrupt extends Step {
        private final long next;

        SetInterrupt(Insn insn) {
            this.next = insn.end();
        }

        @Override
        public void run(Cpu cpu) {
            Privilege.checkInterruptFlag(cpu);
            if ((cpu.otherFlags & Flags.IF) == 0) {
                if (cpu.interrupts.isInterruptPending()) {
                    throw LeaveBlock.ALONE;
                }
                cpu.shadowRip = cpu.blockRip + next;
                cpu.otherFlags |= Flags.IF;
            }
        }
    }

    private static final class AlignmentFlag extends Step {
        private final int value;

        AlignmentFlag(Insn insn) {
            this.value = insn.op == Op.STAC ? Flags.AC : 0;
        }

        @Override
        public void run(Cpu cpu) {
            if (cpu.cpl != 0) {
                throw cpu.undefined();
            }
            cpu.setFlags(value, Flags.AC);
        }
    }

    /**
     * What has no effect here: the memory accesses of every access class are ordered like loads and stores of x86
     * already.
     */
    private static final class Hint extends Step {
        private final boolean spin;

        Hint(Op op) {
            this.spin = op == Op.PAUSE;
        }

        @Override
        public void run(Cpu cpu) {
            if (spin) {
                Thread.onSpinWait();
            }
        }
    }

    private static final class FullFence extends Step {
        @Override
        public void run(Cpu cpu) {
            cpu.serialize();
        }
    }

    private static final class ReadTsc extends Step {
        private final boolean withAux;

        ReadTsc(boolean withAux) {
            this.withAux = withAux;
        }

        @Override
        public void run(Cpu cpu) {
            if (cpu.cpl > 0 && (cpu.cr4 & ControlRegisters.CR4_TSD) != 0) {
                throw cpu.protection();
            }
            final long tsc = cpu.tsc();
            cpu.r[Cpu.RAX] = tsc & 0xffff_ffffL;
            cpu.r[Cpu.RDX] = tsc >>> 32;
            if (withAux) {
                cpu.r[Cpu.RCX] = cpu.tscAux & 0xffff_ffffL;
            }
        }
    }

    /** RDPMC: there are no counters. */
    private static final class NoCounter extends Step {
        @Override
        public void run(Cpu cpu) {
            throw cpu.protection();
        }
    }

    private static final class Identify extends Step {
        @Override
        public void run(Cpu cpu) {
            cpu.cpuid.run(cpu);
            cpu.serialize();
        }
    }

    /** INVD, WBINVD: there is no cache. */
    private static final class Supervisor extends Step {
        @Override
        public void run(Cpu cpu) {
            Privilege.checkSupervisor(cpu);
            cpu.serialize();
        }
    }

    /** CLFLUSH and its kind: faults like a load, does nothing. */
    private static final class CacheLine extends Step {
        private final Address address;

        CacheLine(Insn insn) {
            this.address = new Address(insn, 1, false);
        }

        @Override
        public void run(Cpu cpu) {
            cpu.mmu.hostForRead(address.linear(cpu), 1);
        }
    }

    private static final class Undefined extends Step {
        @Override
        public void run(Cpu cpu) {
            throw cpu.undefined();
        }
    }
}
