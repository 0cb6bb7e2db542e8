package io.jvmm.device.api;

import java.util.ArrayList;
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
