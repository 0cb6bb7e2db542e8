package io.jvmm.fuzz.program;

import java.util.ArrayList;
import java.util.List;

/** An input as the operations it is made of. */
public record Program(List<Operation> vocabulary, List<Step> steps) {

    /** An operation and its bytes, its own one first. */
    @SuppressWarnings("ArrayRecordComponent") // a part of an input, which nobody compares
    public record Step(Operation operation, byte[] bytes) {}

    public Program {
        vocabulary = List.copyOf(vocabulary);
        steps = List.copyOf(steps);
    }

    /** Takes an input apart; the last step may be cut short. */
    public static Program of(List<Operation> vocabulary, byte[] input) {
        List<Step> steps = new ArrayList<>();
        int at = 0;
        while (at < input.length) {
            Operation operation = vocabulary.get((input[at] & 0xFF) % vocabulary.size());
            int end = Math.min(input.length, at + operation.lengthAt(input, at));
            byte[] bytes = new byte[end - at];
            System.arraycopy(input, at, bytes, 0, bytes.length);
            steps.add(new Step(operation, bytes));
            at = end;
        }
        return new Program(vocabulary, steps);
    }

    /** The input again, byte for byte. */
    public byte[] bytes() {
        int length = steps.stream().mapToInt(step -> step.bytes().length).sum();
        byte[] all = new byte[length];
        int at = 0;
        for (Step step : steps) {
            System.arraycopy(step.bytes(), 0, all, at, step.bytes().length);
            at += step.bytes().length;
        }
        return all;
    }
}
