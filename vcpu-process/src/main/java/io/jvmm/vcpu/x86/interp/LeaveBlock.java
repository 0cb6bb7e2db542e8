package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Step;

/**
 * Thrown by what replaces the steps of an invalid block: execution goes on at this very instruction, with what memory holds
 * now. Also thrown by an instruction that must not run amid a block ({@link #ALONE}). Control flow only; stackless, one object for all.
 */
final class LeaveBlock extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Throws. */
    static final Step STEP = new Step() {
        @Override
        public void run(Cpu cpu) {
            throw INSTANCE;
        }
    };

    // Shared on purpose: it has no stack trace, and making one allocates.
    @SuppressWarnings("StaticAssignmentOfThrowable")
    private static final LeaveBlock INSTANCE = new LeaveBlock();

    /** This very instruction is to be executed by itself. */
    @SuppressWarnings("StaticAssignmentOfThrowable")
    static final LeaveBlock ALONE = new LeaveBlock();

    private LeaveBlock() {
        super("block left", null, false, false);
    }
}
