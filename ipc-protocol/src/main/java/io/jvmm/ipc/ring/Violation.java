package io.jvmm.ipc.ring;

import java.util.Arrays;
import java.util.HexFormat;
import java.util.Objects;

/**
 * What a peer did that the protocol forbids: which rule, where in the ring, and the bytes that show it. Immutable. Made
 * once, when a link is severed; it may allocate.
 */
public final class Violation {
    /** Most bytes that are kept as evidence. */
    public static final int MAX_BYTES = 64;

    /** The rules that can be broken. Numbers go over the wire and never change. */
    public enum Kind {
        /** Record length below its header, above the limit, or reaching past the end of the ring. */
        RECORD_LENGTH(1),
        /** Record type that is neither padding nor positive. */
        RECORD_TYPE(2),
        /** Padding where padding cannot be, or more of it than a producer can have written. */
        PADDING(3),
        /** A message type this link does not have. */
        UNKNOWN_MESSAGE(4),
        /** A message whose length is not that of its type. */
        MESSAGE_LENGTH(5),
        /** A field outside its range. */
        MESSAGE_FIELD(6),
        /** The ring's positions are not what any well-behaved peer leaves. */
        RING_POSITION(7),
        /** The consumer moved what belongs to the producer while it was writing. */
        PRODUCER_RING(8);

        private static final Kind[] ALL = values();

        private final int number;

        Kind(int number) {
            this.number = number;
        }

        public int number() {
            return number;
        }

        /** The kind of a number, {@link #MESSAGE_FIELD} for one we do not know. */
        public static Kind of(int number) {
            for (Kind kind : ALL) {
                if (kind.number == number) {
                    return kind;
                }
            }
            return MESSAGE_FIELD;
        }
    }

    private final Kind kind;
    private final long position;
    private final byte[] bytes;

    /**
     * A violation.
     *
     * @param kind which rule was broken
     * @param position ring position (total bytes since the ring was made) of the offending record
     * @param bytes what was found there; the first {@link #MAX_BYTES} are kept
     */
    public Violation(Kind kind, long position, byte[] bytes) {
        this.kind = kind;
        this.position = position;
        this.bytes = Arrays.copyOf(bytes, Math.min(bytes.length, MAX_BYTES));
    }

    /** Which rule was broken. */
    public Kind kind() {
        return kind;
    }

    /** Where the offending record starts: total bytes since the ring was made. */
    public long position() {
        return position;
    }

    /** What was found there: a copy of at most {@link #MAX_BYTES}. */
    public byte[] bytes() {
        return bytes.clone();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Violation that
                && kind == that.kind
                && position == that.position
                && Arrays.equals(bytes, that.bytes);
    }

    @Override
    public int hashCode() {
        return Objects.hash(kind, position, Arrays.hashCode(bytes));
    }

    @Override
    public String toString() {
        return kind + " at ring position " + position + ": "
                + HexFormat.ofDelimiter(" ").formatHex(bytes);
    }
}
