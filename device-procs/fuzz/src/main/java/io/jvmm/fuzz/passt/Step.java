package io.jvmm.fuzz.passt;

import java.util.HexFormat;
import java.util.Locale;

/** A step of a case: its byte and operands, numbers little-endian. */
enum Step {
    /** The guest sends: kind, u16 length, u16 size of segments; with 0x80 flags, gso_type, u16 csum_start, u16 csum_offset; count modulo 8, and for each a place and a byte there. */
    SEND(6),
    FLUSH(0),
    /** Passt reads four times as many bytes: u16. */
    READ(2),
    /** Passt has a frame: kind (0x80: its last byte is another), u16 length. */
    FRAME(3),
    /** Passt has these bytes: count, bytes. */
    RAW(1),
    /** It writes so many bytes of what it has: u16. */
    WRITE(2),
    WRITE_ALL(0),
    RECEIVE(0),
    /** The guest has no buffer for the frame yet. */
    LOOK(0),
    /** Whether the driver wants checksums to be looked at. */
    CHECKS(1),
    DIE(0),
    /** Right behind a system call: how many of them from now on, less one. */
    DIE_AFTER(1);

    private static final Step[] ALL = values();

    private final int operands;

    Step(int operands) {
        this.operands = operands;
    }

    static Step of(int code) {
        return ALL[code % ALL.length];
    }

    /** Of the step and its operands, as if all of them were there. */
    static int lengthAt(byte[] bytes, int at) {
        Step step = of(bytes[at] & 0xFF);
        int length = 1 + step.operands;
        if (step == RAW && at + 1 < bytes.length) {
            length += bytes[at + 1] & 0xFF;
        }
        if (step == SEND && at + 1 < bytes.length) {
            length += (bytes[at + 1] & 0x80) != 0 ? 6 : 0;
            int count = at + length - 1;
            length += count < bytes.length ? 2 * (bytes[count] & 7) : 0;
        }
        return length;
    }

    static String describe(byte[] step) {
        String operands = HexFormat.ofDelimiter(" ").formatHex(step, 1, step.length);
        return (of(step[0] & 0xFF).name().toLowerCase(Locale.ROOT).replace('_', '-') + " " + operands).strip();
    }
}
