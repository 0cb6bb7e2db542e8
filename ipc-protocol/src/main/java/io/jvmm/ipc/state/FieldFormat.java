package io.jvmm.ipc.state;

import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;

/**
 * How a number of a state is shown: as its specification writes it. Names of flags and of values stand beside the layout they belong
 * to, in the device's module. For people and their programs, never the hot path; every value there can be has a text, because the state
 * may be a hostile one.
 */
public sealed interface FieldFormat {
    /** A register: all digits of its width. */
    FieldFormat HEX = new Hex();

    /** What has no format of its own: a register, or where it is 64 bits wide a number, too, or a moment. */
    FieldFormat PLAIN = new Plain();

    /** A count, a length, an index. */
    FieldFormat DECIMAL = new Decimal();

    /** A moment of the monotonic clock, of which {@link Long#MAX_VALUE} is never, or a length of time. */
    FieldFormat NANOSECONDS = new Nanoseconds();

    /** A MAC address whose first byte is in bits 40 to 47. */
    FieldFormat MAC = new Mac();

    /** A length in sectors of 512 bytes. */
    FieldFormat SECTORS = new Sectors();

    /** 0 or 1. */
    FieldFormat YES_NO = choice("no", "yes");

    /** The text of a value, which is zero-extended from its width. */
    String text(long value, int widthBytes);

    /** One flag a bit, from bit 0 on; an empty name for a bit that has none. */
    static FieldFormat flags(String... names) {
        Part[] parts = new Part[names.length];
        for (int bit = 0; bit < names.length; bit++) {
            parts[bit] = new Part(1L << bit, List.of("", names[bit]));
        }
        return new Register(List.of(parts));
    }

    /** Flags by the number of their bit, for many of which there are few. */
    static FieldFormat flags(Map<Integer, String> names) {
        return new Register(names.entrySet().stream()
                .sorted(Map.Entry.comparingByKey())
                .map(e -> new Part(1L << e.getKey(), List.of("", e.getValue())))
                .toList());
    }

    /** A register of flags and of fields that are several bits wide. */
    static FieldFormat register(Part... parts) {
        return new Register(List.of(parts));
    }

    /** A value that has a name, counted from 0. */
    static FieldFormat choice(String... names) {
        return new Choice(List.of(names));
    }

    /** A number in which one value means that there is none. */
    static FieldFormat except(long none, String word, FieldFormat otherwise) {
        return new Except(none, word, otherwise);
    }

    /**
     * Bits of a register that belong together.
     *
     * @param mask which
     * @param names of the values they have, from 0 on; an empty name is not shown
     */
    record Part(long mask, List<String> names) {
        public Part {
            names = List.copyOf(names);
        }

        /** Bits with the names of their values. */
        public static Part of(long mask, String... names) {
            return new Part(mask, List.of(names));
        }

        private String text(long register) {
            long value = (register & mask) >>> Long.numberOfTrailingZeros(mask);
            return value < names.size() ? names.get((int) value) : "?" + value;
        }
    }

    /** See {@link #HEX}. */
    record Hex() implements FieldFormat {
        @Override
        public String text(long value, int widthBytes) {
            return "0x" + HexFormat.of().toHexDigits(value, 2 * widthBytes);
        }
    }

    /** See {@link #PLAIN}. */
    record Plain() implements FieldFormat {
        @Override
        public String text(long value, int widthBytes) {
            return widthBytes < Long.BYTES
                    ? HEX.text(value, widthBytes)
                    : value == Long.MAX_VALUE ? "never" : "0x" + Long.toHexString(value) + " (" + value + ")";
        }
    }

    /** See {@link #DECIMAL}. */
    record Decimal() implements FieldFormat {
        @Override
        public String text(long value, int widthBytes) {
            return Long.toUnsignedString(value);
        }
    }

    /** See {@link #NANOSECONDS}. */
    record Nanoseconds() implements FieldFormat {
        @Override
        public String text(long value, int widthBytes) {
            return value == Long.MAX_VALUE ? "never" : value + " ns";
        }
    }

    /** See {@link #MAC}. */
    record Mac() implements FieldFormat {
        @Override
        public String text(long value, int widthBytes) {
            return HexFormat.ofDelimiter(":").formatHex(new byte[] {
                (byte) (value >>> 40),
                (byte) (value >>> 32),
                (byte) (value >>> 24),
                (byte) (value >>> 16),
                (byte) (value >>> 8),
                (byte) value
            });
        }
    }

    /** See {@link #SECTORS}. */
    record Sectors() implements FieldFormat {
        @Override
        public String text(long value, int widthBytes) {
            return Long.toUnsignedString(value) + " sectors";
        }
    }

    /** See {@link #register}. */
    record Register(List<Part> parts) implements FieldFormat {
        public Register {
            parts = List.copyOf(parts);
        }

        @Override
        public String text(long value, int widthBytes) {
            StringJoiner names = new StringJoiner("|");
            long unnamed = value;
            for (Part part : parts) {
                String name = part.text(value);
                if (!name.isEmpty()) {
                    names.add(name);
                    unnamed &= ~part.mask();
                }
            }
            if (unnamed != 0 && names.length() > 0) {
                names.add("0x" + Long.toHexString(unnamed));
            }
            return HEX.text(value, widthBytes) + (names.length() == 0 ? "" : " " + names);
        }
    }

    /** See {@link #choice}. */
    record Choice(List<String> names) implements FieldFormat {
        public Choice {
            names = List.copyOf(names);
        }

        @Override
        public String text(long value, int widthBytes) {
            boolean known = value >= 0 && value < names.size();
            return Long.toUnsignedString(value) + (known ? " " + names.get((int) value) : " ?");
        }
    }

    /** See {@link #except}. */
    record Except(long none, String word, FieldFormat otherwise) implements FieldFormat {
        @Override
        public String text(long value, int widthBytes) {
            return value == none ? word : otherwise.text(value, widthBytes);
        }
    }
}
