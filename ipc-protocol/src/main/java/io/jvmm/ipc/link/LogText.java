package io.jvmm.ipc.link;

import io.jvmm.ipc.message.SupervisorEventLayout;

/** Encodes a log text as UTF-8 into a preallocated array, cut at a character's border. Not thread-safe. */
final class LogText {
    private static final int MAX_BYTES = SupervisorEventLayout.LOG_MAX_TEXT_BYTES;

    private final byte[] bytes = new byte[MAX_BYTES];

    byte[] bytes() {
        return bytes;
    }

    /** Encodes as much of {@code text} as fits; returns the length in bytes. A lone surrogate becomes '?'. */
    int encode(CharSequence text) {
        int at = 0;
        int length = text.length();
        for (int i = 0; i < length; i++) {
            int c = text.charAt(i);
            if (Character.isHighSurrogate((char) c) && i + 1 < length && Character.isLowSurrogate(text.charAt(i + 1))) {
                c = Character.toCodePoint((char) c, text.charAt(++i));
            } else if (c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE) {
                c = '?';
            }
            int next = put(c, at);
            if (next < 0) {
                break;
            }
            at = next;
        }
        return at;
    }

    private int put(int codePoint, int at) {
        int size = codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4;
        if (at + size > MAX_BYTES) {
            return -1;
        }
        if (size == 1) {
            bytes[at] = (byte) codePoint;
            return at + 1;
        }
        int rest = codePoint;
        for (int i = size - 1; i > 0; i--) {
            bytes[at + i] = (byte) (0x80 | (rest & 0x3f));
            rest >>>= 6;
        }
        bytes[at] = (byte) ((0xf00 >>> size) | rest);
        return at + size;
    }
}
