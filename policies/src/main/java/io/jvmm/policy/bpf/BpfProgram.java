package io.jvmm.policy.bpf;

import io.jvmm.policy.sys.Seccomp;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * A seccomp filter: instructions that the kernel will take. The constructor makes the kernel's own checks (seccomp_check_filter,
 * bpf_check_classic) for the instructions we use.
 *
 * <pre>
 * struct sock_filter, 8 bytes, little-endian:  u16 code | u8 jt | u8 jf | u32 k
 * </pre>
 */
public record BpfProgram(List<Instruction> instructions) {
    /** One instruction. */
    public record Instruction(int code, int jt, int jf, int k) {}

    public BpfProgram {
        instructions = List.copyOf(instructions);
        if (instructions.isEmpty() || instructions.size() > Seccomp.MAX_INSTRUCTIONS) {
            throw new IllegalArgumentException(
                    instructions.size() + " instructions; the kernel takes 1 to " + Seccomp.MAX_INSTRUCTIONS);
        }
        for (int pc = 0; pc < instructions.size(); pc++) {
            check(instructions, pc);
        }
        if (instructions.getLast().code() != Bpf.RET) {
            throw new IllegalArgumentException("the last instruction does not return");
        }
    }

    private static void check(List<Instruction> all, int pc) {
        Instruction i = all.get(pc);
        int left = all.size() - pc - 1;
        boolean good = switch (i.code()) {
            case Bpf.LD_W_ABS -> i.k() >= 0 && i.k() % 4 == 0 && i.k() < Bpf.DATA_BYTES;
            case Bpf.JA -> Integer.compareUnsigned(i.k(), left) < 0;
            case Bpf.JEQ, Bpf.JGT, Bpf.JGE, Bpf.JSET ->
                i.jt() < left && i.jf() < left && i.jt() >= 0 && i.jf() >= 0 && i.jt() < 256 && i.jf() < 256;
            case Bpf.AND, Bpf.RET -> true;
            default -> false;
        };
        if (!good) {
            throw new IllegalArgumentException("instruction " + pc + " is invalid: " + i);
        }
    }

    /** struct sock_filter[]. */
    public byte[] toBytes() {
        ByteBuffer bytes = ByteBuffer.allocate(instructions.size() * Seccomp.INSTRUCTION_BYTES)
                .order(ByteOrder.LITTLE_ENDIAN);
        for (Instruction i : instructions) {
            bytes.putShort((short) i.code())
                    .put((byte) i.jt())
                    .put((byte) i.jf())
                    .putInt(i.k());
        }
        return bytes.array();
    }

    /**
     * Reads a compiled filter.
     *
     * @throws IllegalArgumentException when it is no filter the kernel would take
     */
    public static BpfProgram fromBytes(byte[] bytes) {
        Seccomp.checkLength(bytes);
        ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        List<Instruction> all = new ArrayList<>();
        while (in.hasRemaining()) {
            all.add(new Instruction(in.getShort() & 0xffff, in.get() & 0xff, in.get() & 0xff, in.getInt()));
        }
        return new BpfProgram(all);
    }

    /** The same filter with every kill, trap and errno turned into a log entry: {@code jail = "log"}. It protects nothing. */
    public BpfProgram onlyLogging() {
        return new BpfProgram(instructions.stream()
                .map(i ->
                        i.code() == Bpf.RET && i.k() != Bpf.RET_ALLOW ? new Instruction(Bpf.RET, 0, 0, Bpf.RET_LOG) : i)
                .toList());
    }

    /** The numbers of the x86-64 system calls this filter lets through for at least some arguments. */
    public Set<Integer> allowedCalls() {
        Set<Integer> allowed = new TreeSet<>();
        for (int nr = 0; nr < 1024; nr++) {
            for (int value : possibleReturns(nr)) {
                int action = value & Bpf.RET_ACTION_MASK;
                if (action == Bpf.RET_ALLOW || action == Bpf.RET_LOG) {
                    allowed.add(nr);
                }
            }
        }
        return allowed;
    }

    /** Every value the filter may return for a system call, whatever its arguments. */
    public Set<Integer> possibleReturns(int nr) {
        Set<Integer> returns = new TreeSet<>();
        // Instructions are visited in order and jumps only go forward, so one pass reaches everything. Known values of
        // A
        // (the architecture and the number) decide their jumps; for an argument both ways are possible.
        BitSet reachable = new BitSet();
        reachable.set(0);
        boolean known = false;
        int a = 0;
        for (int pc = 0; pc < instructions.size(); pc++) {
            if (!reachable.get(pc)) {
                continue;
            }
            Instruction i = instructions.get(pc);
            switch (i.code()) {
                case Bpf.LD_W_ABS -> {
                    known = i.k() == Bpf.ARCH || i.k() == Bpf.NR;
                    a = i.k() == Bpf.ARCH ? Bpf.AUDIT_ARCH_X86_64 : nr;
                    reachable.set(pc + 1);
                }
                case Bpf.RET -> returns.add(i.k());
                case Bpf.JA -> reachable.set(pc + 1 + i.k());
                case Bpf.AND -> {
                    known = false;
                    reachable.set(pc + 1);
                }
                default -> {
                    boolean taken = BpfSimulator.condition(i, a);
                    if (!known || taken) {
                        reachable.set(pc + 1 + i.jt());
                    }
                    if (!known || !taken) {
                        reachable.set(pc + 1 + i.jf());
                    }
                }
            }
        }
        return returns;
    }
}
