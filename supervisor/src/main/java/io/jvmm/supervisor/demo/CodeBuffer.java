package io.jvmm.supervisor.demo;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Bytes of a program under construction, with the places that can be filled in only when every label is known. Offsets
 * count from the start of the program, which the loader puts at {@code origin}. Little-endian.
 */
class CodeBuffer {
    private enum Kind {
        RELATIVE_32,
        ABSOLUTE_32,
        ABSOLUTE_64,
        GATE
    }

    private record Fixup(Kind kind, int offset, int nextInstruction, Label target, long addend) {}

    private final long origin;
    private final List<Fixup> fixups = new ArrayList<>();
    private byte[] bytes = new byte[4096];
    private int size;

    CodeBuffer(long origin) {
        this.origin = origin;
    }

    final int size() {
        return size;
    }

    final Label bind(Label label) {
        label.bind(size);
        return label;
    }

    /** A label for the next byte. */
    final Label here(String name) {
        return bind(new Label(name));
    }

    final long addressOf(Label label) {
        return origin + label.offset();
    }

    final void db(int value) {
        if (size == bytes.length) {
            bytes = Arrays.copyOf(bytes, size * 2);
        }
        bytes[size++] = (byte) value;
    }

    final void little(long value, int widthBytes) {
        for (int i = 0; i < widthBytes; i++) {
            db((int) (value >>> (8 * i)));
        }
    }

    final void dw(int value) {
        little(value, 2);
    }

    final void dd(int value) {
        little(value, 4);
    }

    final void dq(long value) {
        little(value, 8);
    }

    /** The address of a label, plus something: flags of a page-table entry, for one. */
    final void dq(Label target, long addend) {
        fixups.add(new Fixup(Kind.ABSOLUTE_64, size, 0, target, addend));
        dq(0);
    }

    final void dd(Label target) {
        fixups.add(new Fixup(Kind.ABSOLUTE_32, size, 0, target, 0));
        dd(0);
    }

    /** A text with its terminating zero. */
    final void text(String text) {
        for (byte b : text.getBytes(StandardCharsets.US_ASCII)) {
            db(b);
        }
        db(0);
    }

    final void align(int alignment) {
        while (size % alignment != 0) {
            db(0);
        }
    }

    final void reserve(int lengthBytes) {
        for (int i = 0; i < lengthBytes; i++) {
            db(0);
        }
    }

    /** A 64-bit interrupt gate, 16 bytes, DPL 0, no IST (SDM 3A 6.14.1). */
    final void interruptGate(Label handler, int codeSelector) {
        int at = size;
        dw(0);
        dw(codeSelector);
        db(0);
        db(0x8e);
        dw(0);
        dq(0);
        fixups.add(new Fixup(Kind.GATE, at, 0, handler, 0));
    }

    /**
     * Four bytes holding the distance from the next instruction to the target.
     *
     * @param trailingBytes bytes of the instruction that follow these four (an immediate)
     */
    final void relative(Label target, int displacement, int trailingBytes) {
        fixups.add(new Fixup(Kind.RELATIVE_32, size, size + 4 + trailingBytes, target, displacement));
        dd(0);
    }

    /** The finished bytes. */
    final byte[] assemble() {
        byte[] result = Arrays.copyOf(bytes, size);
        for (Fixup fixup : fixups) {
            int offset = fixup.offset;
            long address = addressOf(fixup.target) + fixup.addend;
            switch (fixup.kind) {
                case RELATIVE_32 -> patch(result, offset, address - (origin + fixup.nextInstruction), 4);
                case ABSOLUTE_32 -> patch(result, offset, address, 4);
                case ABSOLUTE_64 -> patch(result, offset, address, 8);
                case GATE -> {
                    patch(result, offset, address, 2);
                    patch(result, offset + 6, address >>> 16, 2);
                    patch(result, offset + 8, address >>> 32, 4);
                }
            }
        }
        return result;
    }

    private static void patch(byte[] into, int offset, long value, int widthBytes) {
        for (int i = 0; i < widthBytes; i++) {
            into[offset + i] = (byte) (value >>> (8 * i));
        }
    }
}
