package io.jvmm.fuzz.sandbox;

import io.jvmm.fuzz.program.Listing;
import io.jvmm.fuzz.program.Operation;
import io.jvmm.fuzz.program.Program;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * A list of steps for a device process: operations of the device as {@link Operation} has them, and those of {@link Outside} behind them in number. Decoded totally, as
 * the input of a device target is: every string of bytes is a script.
 *
 * @param vocabulary of the device
 * @param steps each with its first byte
 */
@SuppressWarnings("ArrayRecordComponent") // parts of an input, which nobody compares
record Script(List<Operation> vocabulary, List<byte[]> steps) {
    /** In front of a script in a file; a file without is a program of the device. */
    private static final byte[] MAGIC = "jvmmsbx1".getBytes(StandardCharsets.US_ASCII);

    private static final List<Outside> OUTSIDE = List.of(Outside.values());
    private static final List<RingLie> LIES = List.of(RingLie.values());

    Script {
        vocabulary = List.copyOf(vocabulary);
        steps = List.copyOf(steps);
    }

    /** Takes bytes apart; the last step may be cut short. */
    static Script of(List<Operation> vocabulary, byte[] bytes) {
        List<byte[]> steps = new ArrayList<>();
        int words = vocabulary.size() + OUTSIDE.size();
        for (int at = 0; at < bytes.length; ) {
            int which = (bytes[at] & 0xFF) % words;
            int length = which < vocabulary.size()
                    ? vocabulary.get(which).lengthAt(bytes, at)
                    : 1 + OUTSIDE.get(which - vocabulary.size()).operands();
            byte[] step = Arrays.copyOfRange(bytes, at, Math.min(bytes.length, at + length));
            step[0] = (byte) which;
            steps.add(step);
            at += step.length;
        }
        return new Script(vocabulary, steps);
    }

    /** One case of a program of the device. */
    static Script ofProgram(List<Operation> vocabulary, byte[] program) {
        List<byte[]> steps = new ArrayList<>();
        steps.add(step(vocabulary, Outside.CASE));
        for (Program.Step each : Program.of(vocabulary, program).steps()) {
            byte[] bytes = each.bytes().clone();
            bytes[0] = (byte) vocabulary.indexOf(each.operation());
            steps.add(whole(vocabulary, bytes));
        }
        return new Script(vocabulary, steps);
    }

    /** What is in a file. */
    static Script ofFile(List<Operation> vocabulary, byte[] bytes) {
        boolean marked = bytes.length >= MAGIC.length && Arrays.equals(bytes, 0, MAGIC.length, MAGIC, 0, MAGIC.length);
        return marked
                ? of(vocabulary, Arrays.copyOfRange(bytes, MAGIC.length, bytes.length))
                : ofProgram(vocabulary, bytes);
    }

    /** A step from outside. */
    static byte[] step(List<Operation> vocabulary, Outside what, int... operands) {
        byte[] step = new byte[1 + what.operands()];
        step[0] = (byte) (vocabulary.size() + OUTSIDE.indexOf(what));
        for (int i = 0; i < operands.length; i++) {
            step[1 + i] = (byte) operands[i];
        }
        return step;
    }

    /** A step with zeros for what it lacks: one that is cut short would take in what follows it. */
    static byte[] whole(List<Operation> vocabulary, byte[] step) {
        int length = isOutside(vocabulary, step)
                ? 1 + outside(vocabulary, step).operands()
                : vocabulary.get(step[0] & 0xFF).lengthAt(step, 0);
        return Arrays.copyOf(step, length);
    }

    /** Whether a step is none of the device's operations. */
    static boolean isOutside(List<Operation> vocabulary, byte[] step) {
        return (step[0] & 0xFF) >= vocabulary.size();
    }

    static Outside outside(List<Operation> vocabulary, byte[] step) {
        return OUTSIDE.get((step[0] & 0xFF) - vocabulary.size());
    }

    /** The script again. */
    byte[] bytes() {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        steps.forEach(all::writeBytes);
        return all.toByteArray();
    }

    /** As in a file. */
    byte[] file() {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        all.writeBytes(MAGIC);
        all.writeBytes(bytes());
        return all.toByteArray();
    }

    /** What of it a device target understands, as one case. */
    byte[] program() {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        steps.stream().filter(step -> !isOutside(vocabulary, step)).forEach(all::writeBytes);
        return all.toByteArray();
    }

    /** Whether something is done in it that no device target understands, beside the beginnings of cases. */
    boolean needsProcess() {
        return steps.stream()
                .anyMatch(step -> isOutside(vocabulary, step) && outside(vocabulary, step) != Outside.CASE);
    }

    /** For people, a step a line. */
    List<String> lines() {
        return steps.stream().map(this::line).toList();
    }

    private String line(byte[] step) {
        if (!isOutside(vocabulary, step)) {
            return Listing.of(Program.of(vocabulary, step)).getFirst();
        }
        Outside what = outside(vocabulary, step);
        StringBuilder line = new StringBuilder(what.word());
        if (what == Outside.LIE || what == Outside.SUPERVISOR_LIE) {
            line.append(' ').append(lie(step).name().toLowerCase(Locale.ROOT));
        }
        for (int i = 1; i < step.length; i++) {
            line.append(String.format(" %02x", step[i] & 0xFF));
        }
        return line.toString();
    }

    /** Of a step that tells a lie. */
    static RingLie lie(byte[] step) {
        return LIES.get(unsigned(step, 1, 1) % LIES.size());
    }

    /** A number in a step; bytes that are missing are 0. */
    static int unsigned(byte[] step, int at, int bytes) {
        int value = 0;
        for (int i = bytes - 1; i >= 0; i--) {
            value = value << 8 | (at + i < step.length ? step[at + i] & 0xFF : 0);
        }
        return value;
    }
}
