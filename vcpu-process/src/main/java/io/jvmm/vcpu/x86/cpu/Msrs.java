package io.jvmm.vcpu.x86.cpu;

/** RDMSR and WRMSR, without the privilege check. An unknown number is #GP(0), as are values the register does not take. */
public final class Msrs {
    private Msrs() {}

    /** Reads one. */
    public static long read(Cpu cpu, int number) {
        throw new UnsupportedOperationException("" + cpu.index + number);
    }

    /** Writes one. */
    public static void write(Cpu cpu, int number, long value) {
        throw new UnsupportedOperationException("" + cpu.index + number + value);
    }
}
