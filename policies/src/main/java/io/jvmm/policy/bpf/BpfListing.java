package io.jvmm.policy.bpf;

import io.jvmm.policy.parse.SyscallTable;
import java.util.List;

/** A filter in words, one instruction a line. */
public final class BpfListing {
    private BpfListing() {}

    /** The whole program. Targets are instruction numbers; a comparison with a system call number shows its name. */
    public static String of(BpfProgram program) {
        StringBuilder text = new StringBuilder();
        List<BpfProgram.Instruction> all = program.instructions();
        boolean number = false;
        for (int pc = 0; pc < all.size(); pc++) {
            BpfProgram.Instruction i = all.get(pc);
            text.append(String.format("%4d  %s%n", pc, line(i, pc, number)));
            if (i.code() == Bpf.LD_W_ABS) {
                number = i.k() == Bpf.NR;
            }
        }
        return text.toString();
    }

    private static String line(BpfProgram.Instruction i, int pc, boolean number) {
        return switch (i.code()) {
            case Bpf.LD_W_ABS -> "load " + field(i.k());
            case Bpf.AND -> "and 0x" + Integer.toHexString(i.k());
            case Bpf.JA -> "go to " + (pc + 1 + i.k());
            case Bpf.RET -> Bpf.describe(i.k());
            default ->
                "if " + operator(i.code()) + " 0x" + Integer.toHexString(i.k())
                        + (number ? " (" + SyscallTable.x86_64().name(i.k()) + ")" : "")
                        + " then " + (pc + 1 + i.jt()) + " else " + (pc + 1 + i.jf());
        };
    }

    private static String operator(int code) {
        return switch (code) {
            case Bpf.JEQ -> "==";
            case Bpf.JGT -> ">";
            case Bpf.JGE -> ">=";
            case Bpf.JSET -> "&";
            default -> "?";
        };
    }

    private static String field(int offset) {
        if (offset == Bpf.NR) {
            return "number";
        }
        if (offset == Bpf.ARCH) {
            return "architecture";
        }
        int argument = (offset - Bpf.ARGUMENTS) / 8;
        return "argument " + argument + (offset % 8 == 0 ? ", lower half" : ", upper half");
    }
}
