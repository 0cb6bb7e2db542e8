package io.jvmm.vcpu.x86.cpu;

/** Far JMP, CALL and RET in every mode, through call gates too (SDM 3A 5.8, SDM 2 of each). Sets CS and {@code cpu.rip}. */
public final class FarTransfer {
    private FarTransfer() {}

    /** JMP to selector:offset. */
    public static void jump(Cpu cpu, int selector, long offset, int operandBytes, long nextRip) {
        throw new UnsupportedOperationException("" + cpu.index + selector + offset + operandBytes + nextRip);
    }

    /** CALL selector:offset; {@code nextRip} is the return address. */
    public static void call(Cpu cpu, int selector, long offset, int operandBytes, long nextRip) {
        throw new UnsupportedOperationException("" + cpu.index + selector + offset + operandBytes + nextRip);
    }

    /** RETF, releasing {@code release} bytes of parameters. */
    public static void ret(Cpu cpu, int operandBytes, int release) {
        throw new UnsupportedOperationException("" + cpu.index + operandBytes + release);
    }
}
