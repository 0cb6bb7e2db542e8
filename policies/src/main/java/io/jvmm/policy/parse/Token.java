package io.jvmm.policy.parse;

/**
 * A word of a policy file.
 *
 * @param kind what it is
 * @param text its characters; for a string, without the quotes
 * @param location where it begins
 */
record Token(Kind kind, String text, Location location) {
    enum Kind {
        WORD,
        NUMBER,
        STRING,
        SYMBOL,
        END
    }

    boolean is(String word) {
        return (kind == Kind.WORD || kind == Kind.SYMBOL) && text.equals(word);
    }

    /** As an error message shows it. */
    String shown() {
        return switch (kind) {
            case STRING -> "a string";
            case END -> "the end of the file";
            case WORD, NUMBER, SYMBOL -> "\"" + text + "\"";
        };
    }
}
