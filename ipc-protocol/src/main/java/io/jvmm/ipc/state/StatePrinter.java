package io.jvmm.ipc.state;

import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.SequenceLayout;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Locale;
import java.util.function.Consumer;
import org.agrona.DirectBuffer;

/**
 * Prints a state segment field by field, by the names of its layout: {@code port[0].LCR = 0x03}. For people: the scripted
 * peer and inspectors, never the hot path.
 */
public final class StatePrinter {
    /** A deadline that is not there. */
    private static final long NEVER = Long.MAX_VALUE;

    private final DirectBuffer state;
    private final Consumer<String> lines;
    private final String prefix;

    private StatePrinter(DirectBuffer state, String prefix, Consumer<String> lines) {
        this.state = state;
        this.prefix = prefix;
        this.lines = lines;
    }

    /**
     * Prints the fields whose path starts with {@code prefix}; an empty prefix prints all.
     *
     * @param layout the state's, with a name for every field that is to be printed
     */
    public static void print(MemoryLayout layout, DirectBuffer state, String prefix, Consumer<String> lines) {
        new StatePrinter(state, prefix.toLowerCase(Locale.ROOT), lines).visit(layout, "", 0);
    }

    private void visit(MemoryLayout layout, String path, long offset) {
        switch (layout) {
            case GroupLayout group -> {
                long at = offset;
                for (MemoryLayout member : group.memberLayouts()) {
                    String name = member.name().orElse("");
                    if (!name.isEmpty()) {
                        visit(member, path.isEmpty() ? name : path + "." + name, at);
                    }
                    at += member.byteSize();
                }
            }
            case SequenceLayout sequence when isBytes(sequence) -> bytes(path, offset, sequence.elementCount());
            case SequenceLayout sequence -> {
                for (long i = 0; i < sequence.elementCount(); i++) {
                    MemoryLayout element = sequence.elementLayout();
                    visit(element, path + "[" + i + "]", offset + i * element.byteSize());
                }
            }
            case ValueLayout value -> value(path, value, (int) offset);
            default -> {} // padding
        }
    }

    private static boolean isBytes(SequenceLayout sequence) {
        return sequence.elementLayout() instanceof ValueLayout
                && sequence.elementLayout().byteSize() == 1;
    }

    private void bytes(String path, long offset, long count) {
        StringBuilder text = new StringBuilder(path).append(" =");
        for (long i = 0; i < count; i++) {
            text.append(String.format(" %02x", state.getByte((int) (offset + i))));
        }
        line(path, text.toString());
    }

    private void value(String path, ValueLayout layout, int offset) {
        ByteOrder order = layout.order();
        String text = switch ((int) layout.byteSize()) {
            case 1 -> String.format("0x%02x", state.getByte(offset));
            case 2 -> String.format("0x%04x", state.getShort(offset, order));
            case 4 -> String.format("0x%08x", state.getInt(offset, order));
            default -> wide(state.getLong(offset, order));
        };
        line(path, path + " = " + text);
    }

    private static String wide(long value) {
        return value == NEVER ? "never" : String.format("0x%x (%d)", value, value);
    }

    private void line(String path, String text) {
        if (path.toLowerCase(Locale.ROOT).startsWith(prefix)) {
            lines.accept(text);
        }
    }
}
