package io.jvmm.supervisor.config;

/** Text from a file as it may safely be shown on a terminal: quoted, shortened, control characters escaped. */
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
            } else if (Character.isISOControl(c)) {
                s.append(String.format("\\u%04X", (int) c));
            } else {
                s.append(c);
            }
        }
        return s.append('"').toString();
    }
}
