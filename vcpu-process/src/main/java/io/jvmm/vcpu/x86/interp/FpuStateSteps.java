package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.mmu.Vector;
import org.jspecify.annotations.Nullable;

/** Saving and restoring x87 and SSE state: FXSAVE, FXRSTOR, XSAVE, XSAVEOPT, XRSTOR, LDMXCSR, STMXCSR. */
public final class FpuStateSteps implements StepFactory {
    private static final long CR0_EM = 4;
    private static final long CR0_TS = 8;
    private static final long CR4_OSFXSR = 1 << 9;
    private static final long CR4_OSXSAVE = 1 << 18;
    private static final int XSAVE_HEADER_BYTES = 64;
    private static final int XSAVE_ALIGNMENT = 64;
    private static final int FXSAVE_ALIGNMENT = 16;
    private static final int X87 = 1;
    private static final int SSE = 2;
    private static final int AVX = 4;

    @Override
    public int build(Insn[] insns, int at, int modeKey, Step[] into) {
        final @Nullable Step step = step(insns[at]);
        if (step == null) {
            return 0;
        }
        into[0] = step;
        return 1;
    }

    private static @Nullable Step step(Insn insn) {
        return switch (insn.op) {
            case FXSAVE -> new FxSave(insn);
            case FXRSTOR -> new FxRestore(insn);
            case XSAVE, XSAVEOPT -> new XSave(insn);
            case XRSTOR -> new XRestore(insn);
            case LDMXCSR -> new LoadMxcsr(insn);
            case STMXCSR -> new StoreMxcsr(insn);
            default -> null;
        };
    }

    private static void checkFx(Cpu cpu) {
        if ((cpu.cr0 & CR0_EM) != 0) {
            throw cpu.undefined();
        }
        checkTaskSwitched(cpu);
    }

    private static void checkX(Cpu cpu) {
        if ((cpu.cr4 & CR4_OSXSAVE) == 0) {
            throw cpu.undefined();
        }
        checkTaskSwitched(cpu);
    }

    private static void checkMxcsr(Cpu cpu) {
        if ((cpu.cr0 & CR0_EM) != 0 || (cpu.cr4 & CR4_OSFXSR) == 0) {
            throw cpu.undefined();
        }
        checkTaskSwitched(cpu);
    }

    private static void checkTaskSwitched(Cpu cpu) {
        if ((cpu.cr0 & CR0_TS) != 0) {
            throw cpu.exception.of(Vector.NM);
        }
    }

    private static long aligned(Cpu cpu, Address address, int alignment) {
        final long linear = address.linear(cpu);
        if ((linear & (alignment - 1)) != 0) {
            throw cpu.protection();
        }
        return linear;
    }

    private static void read(Cpu cpu, long linear, long[] words) {
        for (int i = 0; i < words.length; i++) {
            words[i] = cpu.mmu.read64(linear + 8L * i);
        }
    }

    private static void checkMxcsrBits(Cpu cpu, int mxcsr) {
        if ((mxcsr & ~FpuState.MXCSR_MASK) != 0) {
            throw cpu.protection();
        }
    }

    private static final class FxSave extends Step {
        private final Address address;
        private final boolean wide;

        FxSave(Insn insn) {
            address = new Address(insn, FpuState.BYTES, true);
            wide = insn.sourceBytes == 8;
        }

        @Override
        public void run(Cpu cpu) {
            checkFx(cpu);
            final long at = aligned(cpu, address, FXSAVE_ALIGNMENT);
            cpu.mmu.probeWrite(at, FpuState.BYTES);
            FpuState.saveX87(cpu, at, wide);
            FpuState.saveMxcsr(cpu, at);
            FpuState.saveXmm(cpu, at);
        }
    }

    /** What is read is copied into the vCPU's own scratch words first: nothing changes before the last fault. */
    private static final class FxRestore extends Step {
        private final Address address;
        private final boolean wide;

        FxRestore(Insn insn) {
            address = new Address(insn, FpuState.BYTES, false);
            wide = insn.sourceBytes == 8;
        }

        @Override
        public void run(Cpu cpu) {
            checkFx(cpu);
            final long at = aligned(cpu, address, FXSAVE_ALIGNMENT);
            final long[] words = cpu.fpuImage;
            read(cpu, at, words);
            final int mxcsr = FpuState.mxcsr(words);
            checkMxcsrBits(cpu, mxcsr);
            FpuState.loadX87(cpu, words, wide);
            cpu.mxcsr = mxcsr;
            FpuState.loadXmm(cpu, words);
        }
    }

    private static final class XSave extends Step {
        private final Address address;
        private final boolean wide;

        XSave(Insn insn) {
            address = new Address(insn, FpuState.BYTES + XSAVE_HEADER_BYTES, true);
            wide = insn.sourceBytes == 8;
        }

        @Override
        public void run(Cpu cpu) {
            checkX(cpu);
            final long at = aligned(cpu, address, XSAVE_ALIGNMENT);
            cpu.mmu.probeWrite(at, FpuState.BYTES + XSAVE_HEADER_BYTES);
            final long wanted = cpu.requestedFeatures();
            if ((wanted & X87) != 0) {
                FpuState.saveX87(cpu, at, wide);
            }
            if ((wanted & (SSE | AVX)) != 0) {
                FpuState.saveMxcsr(cpu, at);
            }
            if ((wanted & SSE) != 0) {
                FpuState.saveXmm(cpu, at);
            }
            // Every component counts as in use: XINUSE is allowed to be always set (SDM 1 13.6).
            final long before = cpu.mmu.read64(at + FpuState.BYTES);
            cpu.mmu.write64(at + FpuState.BYTES, before | wanted);
        }
    }

    /** XRSTOR, standard form (SDM 1 13.8.1); the compacted form is not offered. */
    private static final class XRestore extends Step {
        private final Address address;
        private final boolean wide;

        XRestore(Insn insn) {
            address = new Address(insn, FpuState.BYTES + XSAVE_HEADER_BYTES, false);
            wide = insn.sourceBytes == 8;
        }

        @Override
        public void run(Cpu cpu) {
            checkX(cpu);
            final long at = aligned(cpu, address, XSAVE_ALIGNMENT);
            final long present = cpu.mmu.read64(at + FpuState.BYTES);
            final long compact = cpu.mmu.read64(at + FpuState.BYTES + 8);
            final long reserved = cpu.mmu.read64(at + FpuState.BYTES + 16);
            if ((present & ~cpu.xcr0) != 0 || compact != 0 || reserved != 0) {
                throw cpu.protection();
            }
            final long[] words = cpu.fpuImage;
            read(cpu, at, words);
            final long wanted = cpu.requestedFeatures();
            final int mxcsr = FpuState.mxcsr(words);
            if ((wanted & (SSE | AVX)) != 0) {
                checkMxcsrBits(cpu, mxcsr);
                cpu.mxcsr = mxcsr;
            }
            restoreX87(cpu, words, wanted, present);
            if ((wanted & SSE) != 0) {
                if ((present & SSE) != 0) {
                    FpuState.loadXmm(cpu, words);
                } else {
                    FpuState.clearXmm(cpu);
                }
            }
        }

        private void restoreX87(Cpu cpu, long[] words, long wanted, long present) {
            if ((wanted & X87) == 0) {
                return;
            }
            if ((present & X87) != 0) {
                FpuState.loadX87(cpu, words, wide);
            } else {
                FpuState.initX87(cpu);
                FpuState.clearX87Registers(cpu);
            }
        }
    }

    private static final class LoadMxcsr extends Step {
        private final Address address;

        LoadMxcsr(Insn insn) {
            address = new Address(insn, 4, false);
        }

        @Override
        public void run(Cpu cpu) {
            checkMxcsr(cpu);
            final int mxcsr = cpu.mmu.read32(address.linear(cpu));
            checkMxcsrBits(cpu, mxcsr);
            cpu.mxcsr = mxcsr;
        }
    }

    private static final class StoreMxcsr extends Step {
        private final Address address;

        StoreMxcsr(Insn insn) {
            address = new Address(insn, 4, true);
        }

        @Override
        public void run(Cpu cpu) {
            checkMxcsr(cpu);
            cpu.mmu.write32(address.linear(cpu), cpu.mxcsr);
        }
    }
}
