package io.jvmm.policy.parse;

import java.util.ArrayList;
import java.util.List;

/** Cuts a policy file into tokens. Comments run from # to the end of the line. */
final class Lexer {
    private static final List<String> SYMBOLS =
            List.of("==", "!=", "<=", ">=", "..", "<", ">", "&", "|", "~", "-", "{", "}", ",");

    private final String file;
    private final String text;
    private int at;
    private int line = 1;
    private int lineStart;

    private Lexer(String file, String text) {
        this.file = file;
        this.text = text;
    }

    static List<Token> tokens(String file, String text) throws PolicyException {
        Lexer lexer = new Lexer(file, text);
        List<Token> tokens = new ArrayList<>();
        Token token;
        do {
            token = lexer.next();
            tokens.add(token);
        } while (token.kind() != Token.Kind.END);
        return tokens;
    }

    private Location here() {
        return new Location(file, line, at - lineStart + 1);
    }

    private Token next() throws PolicyException {
        skipBlanks();
        Location start = here();
        if (at == text.length()) {
            return new Token(Token.Kind.END, "", start);
        }
        char c = text.charAt(at);
        if (c == '"') {
            return string(start);
        }
        if (c >= '0' && c <= '9') {
            return new Token(Token.Kind.NUMBER, run(), start);
        }
        if (isWord(c)) {
            return new Token(Token.Kind.WORD, run(), start);
        }
        for (String symbol : SYMBOLS) {
            if (text.startsWith(symbol, at)) {
                at += symbol.length();
                return new Token(Token.Kind.SYMBOL, symbol, start);
            }
        }
        throw new PolicyException(start, "the character '" + c + "' means nothing here", "remove it");
    }

    private void skipBlanks() {
        while (at < text.length()) {
            char c = text.charAt(at);
            if (c == '#') {
                while (at < text.length() && text.charAt(at) != '\n') {
                    at++;
                }
            } else if (c == '\n') {
                at++;
                line++;
                lineStart = at;
            } else if (Character.isWhitespace(c)) {
                at++;
            } else {
                return;
            }
        }
    }

    private Token string(Location start) throws PolicyException {
        int end = at + 1;
        while (end < text.length() && text.charAt(end) != '"' && text.charAt(end) != '\n') {
            end++;
        }
        if (end == text.length() || text.charAt(end) != '"') {
            throw new PolicyException(start, "this string does not end on its line", "close it with \"");
        }
        String inside = text.substring(at + 1, end);
        at = end + 1;
        return new Token(Token.Kind.STRING, inside, start);
    }

    /** Letters, digits, _ and single dots and dashes inside ("vcpu-wide.policy"); two dots are the symbol of a range. */
    private String run() {
        int start = at;
        while (at < text.length()) {
            char c = text.charAt(at);
            boolean joins = (c == '.' || c == '-') && at + 1 < text.length() && isWord(text.charAt(at + 1));
            if (!isWord(c) && !joins) {
                break;
            }
            at++;
        }
        return text.substring(start, at);
    }

    private static boolean isWord(char c) {
        return c == '_' || (c < 128 && Character.isLetterOrDigit(c));
    }
}
