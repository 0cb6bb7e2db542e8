package io.jvmm.ipc.state;

import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.SequenceLayout;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.HexFormat;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.agrona.DirectBuffer;

/**
 * Reads a state field by field, by the names of its layout: {@code port[0].LCR = 0x03 8 bits}. For people: the scripted
 * peer and inspectors, never the hot path. The state may be hostile: whatever it holds has a text.
 */
public final class StatePrinter {
    /** A longer sequence of bytes is not written out when all are zero. */
    private static final int LONG_BYTES = 32;

    private final DirectBuffer state;
    private final StateFormats formats;
    private final Sink sink;

    /** Takes the fields of a state, in their order. */
    @FunctionalInterface
    public interface Sink {
        /**
         * One field.
         *
         * @param path by names and indices: {@code port[0].LCR}
         * @param raw an unsigned decimal number; of a sequence of bytes their hexadecimal digits
         * @param text as it is shown
         */
        void field(String path, String raw, String text);
    }

    private StatePrinter(DirectBuffer state, StateFormats formats, Sink sink) {
        this.state = state;
        this.formats = formats;
        this.sink = sink;
    }

    /**
     * Reads all fields.
     *
     * @param layout the state's, with a name for every field that is to be told
     * @param state as long as the layout
     */
    public static void visit(MemoryLayout layout, StateFormats formats, DirectBuffer state, Sink sink) {
        new StatePrinter(state, formats, sink).visit(layout, "", 0);
    }

    /** Prints them without formats of their own. */
    public static void print(MemoryLayout layout, DirectBuffer state, String prefix, Consumer<String> lines) {
        print(layout, StateFormats.NONE, state, prefix, lines);
    }

    /** Prints the fields whose path starts with {@code prefix}; an empty prefix prints all. Rows of zeros take one line. */
    public static void print(
            MemoryLayout layout, StateFormats formats, DirectBuffer state, String prefix, Consumer<String> lines) {
        String wanted = prefix.toLowerCase(Locale.ROOT);
        try (StateLines folded = new StateLines((path, text) -> lines.accept(path + " = " + text))) {
            visit(layout, formats, state, (path, raw, text) -> {
                if (path.toLowerCase(Locale.ROOT).startsWith(wanted)) {
                    folded.field(path, raw, text);
                }
            });
        }
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
            case SequenceLayout sequence
            when isBytes(sequence) -> bytes(path, (int) offset, (int) sequence.elementCount());
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

    private void bytes(String path, int offset, int count) {
        byte[] copy = new byte[count];
        state.getBytes(offset, copy);
        boolean empty = count > LONG_BYTES && IntStream.range(0, count).allMatch(i -> copy[i] == 0);
        String text =
                empty ? "0 (" + count + " bytes)" : HexFormat.ofDelimiter(" ").formatHex(copy);
        sink.field(path, HexFormat.of().formatHex(copy), text);
    }

    private void value(String path, ValueLayout layout, int offset) {
        ByteOrder order = layout.order();
        int widthBytes = (int) layout.byteSize();
        long value = switch (widthBytes) {
            case 1 -> state.getByte(offset) & 0xFFL;
            case 2 -> state.getShort(offset, order) & 0xFFFFL;
            case 4 -> state.getInt(offset, order) & 0xFFFF_FFFFL;
            default -> state.getLong(offset, order);
        };
        sink.field(path, Long.toUnsignedString(value), formats.find(path).text(value, widthBytes));
    }
}
