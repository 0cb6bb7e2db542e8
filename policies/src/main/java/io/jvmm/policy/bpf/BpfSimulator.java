package io.jvmm.policy.bpf;

/** Runs a filter as the kernel would, for tests and for {@code explain}. */
public final class BpfSimulator {
    private BpfSimulator() {}

    /**
     * Runs a filter over one struct seccomp_data.
     *
     * @param arguments six of them
     * @return what the filter returns
     */
    public static int run(BpfProgram program, int architecture, int number, long[] arguments) {
        int a = 0;
        int pc = 0;
        while (true) {
            BpfProgram.Instruction i = program.instructions().get(pc++);
            switch (i.code()) {
                case Bpf.LD_W_ABS -> a = load(i.k(), architecture, number, arguments);
                case Bpf.AND -> a &= i.k();
                case Bpf.JA -> pc += i.k();
                case Bpf.RET -> {
                    return i.k();
                }
                default -> pc += condition(i, a) ? i.jt() : i.jf();
            }
        }
    }

    /** Whether a conditional jump is taken. */
    static boolean condition(BpfProgram.Instruction i, int a) {
        return switch (i.code()) {
            case Bpf.JEQ -> a == i.k();
            case Bpf.JGT -> Integer.compareUnsigned(a, i.k()) > 0;
            case Bpf.JGE -> Integer.compareUnsigned(a, i.k()) >= 0;
            case Bpf.JSET -> (a & i.k()) != 0;
            default -> throw new IllegalStateException("not a jump: " + i);
        };
    }

    private static int load(int offset, int architecture, int number, long[] arguments) {
        if (offset == Bpf.NR) {
            return number;
        }
        if (offset == Bpf.ARCH) {
            return architecture;
        }
        if (offset < Bpf.ARGUMENTS) {
            return 0;
        }
        long argument = arguments[(offset - Bpf.ARGUMENTS) / 8];
        return (int) (offset % 8 == 0 ? argument : argument >>> 32);
    }
}
