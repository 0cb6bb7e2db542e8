package io.jvmm.ipc.state;

import java.util.function.BiConsumer;

/**
 * Fields of a state as lines for people: elements of a sequence that are zero and follow one another take one line,
 * {@code unicast[0..63] = 0}. Give it the fields in their order, then close it.
 */
public final class StateLines implements StatePrinter.Sink, AutoCloseable {
    private final BiConsumer<String, String> lines;
    private String sequence = "";
    private String text = "";
    private int first;
    private int last;
    private boolean held;

    /**
     * Lines to come.
     *
     * @param lines gets path and text of each
     */
    public StateLines(BiConsumer<String, String> lines) {
        this.lines = lines;
    }

    @Override
    public void field(String path, String raw, String shown) {
        int bracket = path.endsWith("]") ? path.lastIndexOf('[') : -1;
        if (bracket < 0 || !raw.equals("0")) {
            release();
            lines.accept(path, shown);
            return;
        }
        String of = path.substring(0, bracket);
        int index = Integer.parseInt(path.substring(bracket + 1, path.length() - 1));
        if (!held || !of.equals(sequence) || index != last + 1) {
            release();
            sequence = of;
            first = index;
            text = shown;
            held = true;
        }
        last = index;
    }

    private void release() {
        if (held) {
            lines.accept(sequence + "[" + first + (last == first ? "" : ".." + last) + "]", last == first ? text : "0");
            held = false;
        }
    }

    /** Gives what it still holds. */
    @Override
    public void close() {
        release();
    }
}
