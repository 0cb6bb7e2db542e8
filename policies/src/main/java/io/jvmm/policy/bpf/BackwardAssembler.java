package io.jvmm.policy.bpf;

import io.jvmm.policy.bpf.BpfProgram.Instruction;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Builds a filter from its last instruction to its first. Jumps of classic BPF only go forward, so every target exists before the
 * jump to it, its distance is known, and a conditional jump (which reaches 255 instructions) gets help when it needs some.
 *
 * <p>A position is the number of instructions behind an instruction: 0 is the last one of the program.
 */
final class BackwardAssembler {
    private static final int REACH = 255;
    /** A return this near is shared; a farther one is written again, which costs no more than a jump to it. */
    private static final int NEAR = 200;

    private final List<Instruction> reversed = new ArrayList<>();
    private final Map<Integer, Integer> returns = new HashMap<>();

    /** A return of {@code value}: an existing one nearby, or a new one. */
    int ret(int value) {
        Integer known = returns.get(value);
        if (known != null && reversed.size() - known < NEAR) {
            return known;
        }
        int position = emit(new Instruction(Bpf.RET, 0, 0, value));
        returns.put(value, position);
        return position;
    }

    /** Loads a word and goes on at {@code next}. */
    int load(int offset, int next) {
        fallInto(next);
        return emit(new Instruction(Bpf.LD_W_ABS, 0, 0, offset));
    }

    /** A = A &amp; mask, then {@code next}. */
    int and(int mask, int next) {
        fallInto(next);
        return emit(new Instruction(Bpf.AND, 0, 0, mask));
    }

    /** A conditional jump. */
    int jump(int code, int k, int ifTrue, int ifFalse) {
        if (ifTrue == ifFalse) {
            return ifTrue;
        }
        int yes = reachable(ifTrue, 1);
        int no = reachable(ifFalse, 0);
        int here = reversed.size();
        return emit(new Instruction(code, here - 1 - yes, here - 1 - no, k));
    }

    BpfProgram finish(int entry) {
        fallInto(entry);
        List<Instruction> forward = new ArrayList<>(reversed);
        Collections.reverse(forward);
        return new BpfProgram(forward);
    }

    private int reachable(int position, int margin) {
        return reversed.size() - 1 - position + margin > REACH ? emit(jumpTo(position)) : position;
    }

    private void fallInto(int next) {
        if (next != reversed.size() - 1) {
            emit(jumpTo(next));
        }
    }

    private Instruction jumpTo(int position) {
        return new Instruction(Bpf.JA, 0, 0, reversed.size() - 1 - position);
    }

    private int emit(Instruction instruction) {
        reversed.add(instruction);
        return reversed.size() - 1;
    }
}
