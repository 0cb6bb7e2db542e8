package io.jvmm.supervisor.config;

/** Text from a file as it may safely be shown on a terminal: quoted, shortened, what controls or turns it escaped. */
public final class Quoted {
    private static final int LONGEST = 60;

    private Quoted() {}

    public static String of(String text) {
        StringBuilder s = new StringBuilder("\"");
        int shown = 0;
        for (int i = 0; i < text.length(); i++) {
            if (shown++ == LONGEST) {
                s.append("…");
                break;
            }
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                s.append('\\').append(c);
            } else if (Character.isISOControl(c) || Character.getType(c) == Character.FORMAT) {
                s.append(String.format("\\u%04X", (int) c));
            } else {
                s.append(c);
            }
        }
        return s.append('"').toString();
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
