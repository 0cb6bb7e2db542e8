package io.jvmm.device.api;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/**
 * The words of one script line: separated by blanks, {@code #} starts a comment, double quotes hold a text with the
 * escapes {@code \n \r \t \e \0 \\ \"} and {@code \xHH}.
 */
final class ScriptWords {

    private final List<String> words = new ArrayList<>();
    private int next;

    ScriptWords(String line) throws ScriptException {
        int at = 0;
        while (at < line.length()) {
            char c = line.charAt(at);
            if (c == '#') {
                break;
            } else if (Character.isWhitespace(c)) {
                at++;
            } else if (c == '"') {
                at = quoted(line, at + 1);
            } else {
                int end = at;
                while (end < line.length() && !Character.isWhitespace(line.charAt(end)) && line.charAt(end) != '#') {
                    end++;
                }
                words.add(line.substring(at, end));
                at = end;
            }
        }
    }

    private int quoted(String line, int start) throws ScriptException {
        StringBuilder text = new StringBuilder("\"");
        int at = start;
        while (at < line.length() && line.charAt(at) != '"') {
            char c = line.charAt(at++);
            if (c != '\\') {
                text.append(c);
                continue;
            }
            char escape = at < line.length() ? line.charAt(at++) : ' ';
            switch (escape) {
                case 'n' -> text.append('\n');
                case 'r' -> text.append('\r');
                case 't' -> text.append('\t');
                case 'e' -> text.append('\u001b');
                case '0' -> text.append('\0');
                case '\\', '"' -> text.append(escape);
                case 'x' -> {
                    text.append((char) hexPair(line, at));
                    at += 2;
                }
                default ->
                    throw ScriptException.wrong(
                            "'\\" + escape + "' is not an escape; there are \\n \\r \\t \\e" + " \\0 \\\\ \\\" \\xHH");
            }
        }
        if (at == line.length()) {
            throw ScriptException.wrong("the text has no closing quote");
        }
        words.add(text.toString());
        return at + 1;
    }

    private static int hexPair(String line, int at) throws ScriptException {
        if (at + 2 <= line.length()) {
            try {
                return Integer.parseInt(line.substring(at, at + 2), 16);
            } catch (NumberFormatException e) {
                // told below
            }
        }
        throw ScriptException.wrong("\\x wants two hexadecimal digits");
    }

    boolean isEmpty() {
        return words.isEmpty();
    }

    boolean more() {
        return next < words.size();
    }

    /** Whether the next word is a quoted text. */
    boolean textNext() {
        return more() && words.get(next).startsWith("\"");
    }

    String word(String what) throws ScriptException {
        if (!more()) {
            throw ScriptException.wrong(what + " is missing");
        }
        String word = words.get(next++);
        return word.startsWith("\"") ? word.substring(1) : word;
    }

    String text(String what) throws ScriptException {
        if (more() && !textNext()) {
            throw ScriptException.wrong(what + " stands in double quotes, not " + words.get(next));
        }
        return word(what);
    }

    /** A hexadecimal number, with or without 0x, of at most {@code widthBytes}. */
    long hex(String what, int widthBytes) throws ScriptException {
        String word = word(what);
        String digits = word.startsWith("0x") || word.startsWith("0X") ? word.substring(2) : word;
        try {
            long value = Long.parseUnsignedLong(digits, 16);
            if (widthBytes < Long.BYTES && value >>> (8 * widthBytes) != 0) {
                throw ScriptException.wrong(what + ": " + word + " does not fit into " + widthBytes + " bytes");
            }
            return value;
        } catch (NumberFormatException e) {
            throw ScriptException.wrong(what + ": '" + word + "' is not a hexadecimal number");
        }
    }

    /** A decimal number of 0..{@code limit} - 1, or 0 when no number follows. */
    int index(String what, int limit) throws ScriptException {
        if (!more() || textNext() || !Character.isDigit(words.get(next).charAt(0))) {
            return 0;
        }
        String word = words.get(next++);
        int value = word.length() < 6 && word.chars().allMatch(Character::isDigit) ? Integer.parseInt(word) : -1;
        if (value < 0 || value >= limit) {
            throw ScriptException.wrong(what + ": " + word + "; this device has 0.." + (limit - 1));
        }
        return value;
    }

    /** Whether the next word ends with a colon, and so begins something that is written there. */
    boolean colonNext() {
        return more() && words.get(next).endsWith(":");
    }

    /** A hexadecimal address, with or without a colon behind it. */
    long address(String what) throws ScriptException {
        if (colonNext()) {
            words.set(next, words.get(next).substring(0, words.get(next).length() - 1));
        }
        return hex(what, Long.BYTES);
    }

    /** Takes the next word if it is this one. */
    boolean take(String word) {
        boolean there = more() && words.get(next).equals(word);
        next += there ? 1 : 0;
        return there;
    }

    /** Bytes up to the end of the line or a {@code /}: pairs of hexadecimal digits, texts, and numbers as {@code 16:1f}. */
    byte[] bytes(String what) throws ScriptException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        while (more() && !words.get(next).equals("/")) {
            if (textNext()) {
                bytes.writeBytes(text(what).getBytes(StandardCharsets.ISO_8859_1));
            } else {
                number(word(what), bytes);
            }
        }
        if (bytes.size() == 0) {
            throw ScriptException.wrong(what + " are missing");
        }
        return bytes.toByteArray();
    }

    private static void number(String word, ByteArrayOutputStream bytes) throws ScriptException {
        int colon = word.indexOf(':');
        try {
            if (colon < 0) {
                bytes.writeBytes(HexFormat.of().parseHex(word));
                return;
            }
            int widthBits = Integer.parseInt(word.substring(0, colon));
            long value = Long.parseUnsignedLong(word.substring(colon + 1), 16);
            if (List.of(8, 16, 32, 64).contains(widthBits) && (widthBits == 64 || value >>> widthBits == 0)) {
                for (int bit = 0; bit < widthBits; bit += Byte.SIZE) {
                    bytes.write((int) (value >>> bit));
                }
                return;
            }
        } catch (IllegalArgumentException e) {
            // told below
        }
        throw ScriptException.wrong("'" + word
                + "' is no bytes: write 00ff, a \"text\", or a number as 8:, 16:, 32: or 64: with hexadecimal"
                + " digits");
    }

    /** A time: 10ns, 5us, 10ms, 2s. */
    long durationNs(String what) throws ScriptException {
        String word = word(what);
        int digits = 0;
        while (digits < word.length() && Character.isDigit(word.charAt(digits))) {
            digits++;
        }
        long unitNs = switch (word.substring(digits)) {
            case "ns" -> 1;
            case "us" -> 1_000;
            case "ms" -> 1_000_000;
            case "s" -> 1_000_000_000;
            default -> 0;
        };
        if (digits == 0 || digits > 9 || unitNs == 0) {
            throw ScriptException.wrong(what + ": '" + word + "'; write 10ns, 5us, 10ms or 2s");
        }
        return Long.parseLong(word.substring(0, digits)) * unitNs;
    }

    void end() throws ScriptException {
        if (more()) {
            throw ScriptException.wrong("'" + words.get(next) + "' is too much");
        }
    }
}
