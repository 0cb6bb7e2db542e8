package io.jvmm.supervisor.config;

/** Text from a file as it may safely be shown on a terminal: quoted, shortened, what controls or turns it escaped. */
public final class Quoted {
    private static final int LONGEST = 60;

    private Quoted() {}

    public static String of(String text) {
        StringBuilder s = new StringBuilder("\"");
        text.codePoints().limit(LONGEST).forEach(c -> {
            if (c == '"' || c == '\\') {
                s.append('\\').append((char) c);
            } else if (isSeen(c)) {
                s.appendCodePoint(c);
            } else {
                s.append(Character.isBmpCodePoint(c) ? String.format("\\u%04X", c) : String.format("\\U%08X", c));
            }
        });
        if (text.codePointCount(0, text.length()) > LONGEST) {
            s.append('…');
        }
        return s.append('"').toString();
    }

    /** Whether a terminal shows it, and leaves what is around it as it is. */
    private static boolean isSeen(int c) {
        return switch (Character.getType(c)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR,
                    Character.SURROGATE -> false;
            default -> true;
        };
    }

    /** All of a text as TOML spells it, in signs that look like what they are: whoever sees it may write it into a file. */
    public static String toml(String text) {
        StringBuilder s = new StringBuilder("\"");
        text.codePoints().forEach(c -> {
            if (c == '"' || c == '\\') {
                s.append('\\').append((char) c);
            } else if ((c >= ' ' && c <= '~') || Character.isLetterOrDigit(c)) {
                s.appendCodePoint(c);
            } else {
                s.append(String.format("\\U%08X", c));
            }
        });
        return s.append('"').toString();
    }
}
