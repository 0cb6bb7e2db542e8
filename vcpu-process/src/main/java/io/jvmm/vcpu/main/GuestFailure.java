package io.jvmm.vcpu.main;

import io.jvmm.ipc.message.StopCause;
import io.jvmm.vcpu.engine.ExitKind;
import io.jvmm.vcpu.engine.Vcpu;
import io.jvmm.vcpu.engine.VcpuRegisters;

/**
 * Why a vCPU cannot go on, with what a person needs to find out why: registers and the code at RIP.
 *
 * @param rip linear address of the instruction that failed
 * @param report several lines of text
 */
record GuestFailure(StopCause cause, int vcpu, long rip, String report) {
    private static final int CODE_BYTES = 16;

    /** Taken on the vCPU's own thread, after a fatal exit. */
    static GuestFailure of(ExitKind kind, Vcpu vcpu) {
        final String reason = vcpu.exit().failure();
        final VcpuRegisters registers = vcpu.snapshot();
        final long rip = registers.linearRip();
        final StringBuilder report = new StringBuilder(2048);
        report.append(reason.isEmpty() ? kind.name() : reason).append('\n');
        report.append(registers.format());
        report.append("  code at RIP:");
        final byte[] code = vcpu.readLinear(rip, CODE_BYTES);
        for (byte each : code) {
            report.append(' ')
                    .append(Character.forDigit(each >>> 4 & 15, 16))
                    .append(Character.forDigit(each & 15, 16));
        }
        report.append(code.length == 0 ? " not mapped\n" : "\n");
        return new GuestFailure(cause(kind), vcpu.index(), rip, report.toString());
    }

    private static StopCause cause(ExitKind kind) {
        return switch (kind) {
            case SHUTDOWN -> StopCause.CRASHED;
            case PIO_READ, PIO_WRITE, MMIO_READ, MMIO_WRITE, HALTED, KICKED, EMULATION_FAILURE, INTERNAL_ERROR ->
                StopCause.ENGINE_ERROR;
        };
    }
}
