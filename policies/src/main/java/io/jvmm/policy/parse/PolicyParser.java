package io.jvmm.policy.parse;

import io.jvmm.ipc.sys.Errno;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads policy files.
 *
 * <pre>
 * file      = ("policy" | "fragment") NAME { statement }        NAME.policy is the file's name
 * statement = "include" FILE
 *           | "default" action "because" STRING                 once, not in a fragment
 *           | action CALL { "," CALL } [ "when" condition { "and" condition } ] "because" STRING
 * action    = "allow" | "log" | "errno" ERRNO | "trap" | "kill"
 * condition = ARGUMENT test | ARGUMENT "&amp;" value ("==" | "!=") value
 * test      = ("==" | "!=" | "&lt;" | "&lt;=" | "&gt;" | "&gt;=") value | ["not"] "in" "{" value { "," value } "}" | "in" value ".." value
 * value     = term { "|" term }        term = ["~" | "-"] (NUMBER | CONSTANT)
 * </pre>
 *
 * The first rule that applies to a call decides; numbers are unsigned; an argument is as wide as the kernel takes it.
 */
public final class PolicyParser {
    private static final List<String> ACTIONS = List.of("allow", "log", "errno", "trap", "kill");
    private static final List<String> STATEMENTS =
            List.of("include", "default", "allow", "log", "errno", "trap", "kill");

    private final Path directory;
    private final SyscallTable table = SyscallTable.x86_64();
    private final List<Rule> rules = new ArrayList<>();
    private final Map<Path, Location> included = new HashMap<>();
    private @Nullable Action defaultAction;
    private @Nullable Location defaultLocation;
    private String defaultReason = "";

    private List<Token> tokens = List.of();
    private int at;
    private boolean fragment;

    private PolicyParser(Path directory) {
        this.directory = directory;
    }

    /**
     * Reads a policy and everything it includes from its directory.
     *
     * @throws PolicyException for the first mistake
     */
    public static Policy parse(Path file) throws PolicyException, IOException {
        Path absolute = file.toAbsolutePath();
        PolicyParser parser = new PolicyParser(parent(absolute));
        parser.included.put(absolute, new Location(nameOf(absolute), 1, 1));
        parser.file(absolute, Files.readString(absolute), false);
        return parser.finish(nameOf(absolute).replace(".policy", ""));
    }

    /** Whether a file is a fragment: something to include, not a policy of its own. */
    public static boolean isFragment(Path file) throws PolicyException, IOException {
        return Lexer.tokens(nameOf(file), Files.readString(file)).getFirst().is("fragment");
    }

    private static Path parent(Path file) {
        Path parent = file.getParent();
        if (parent == null) {
            throw new IllegalArgumentException(file + " is no file");
        }
        return parent;
    }

    private static String nameOf(Path file) {
        return String.valueOf(file.getFileName());
    }

    private Policy finish(String name) throws PolicyException {
        if (defaultAction == null) {
            throw new PolicyException(
                    new Location(name + ".policy", 1, 1), "there is no default", "add: default kill because \"...\"");
        }
        Redundancy.check(rules, defaultAction);
        return new Policy(name, defaultAction, defaultReason, rules);
    }

    private void file(Path path, String text, boolean asInclude) throws PolicyException, IOException {
        List<Token> outerTokens = tokens;
        int outerAt = at;
        boolean outerFragment = fragment;
        tokens = Lexer.tokens(nameOf(path), text);
        at = 0;
        header(path, asInclude);
        while (peek().kind() != Token.Kind.END) {
            statement();
        }
        tokens = outerTokens;
        at = outerAt;
        fragment = outerFragment;
    }

    private void header(Path path, boolean asInclude) throws PolicyException {
        Token kind = take();
        if (!kind.is("policy") && !kind.is("fragment")) {
            throw error(kind, "a policy file begins with its name, not with " + kind.shown(), "write: policy NAME");
        }
        fragment = kind.is("fragment");
        if (fragment != asInclude) {
            throw asInclude
                    ? error(kind, "a policy cannot be included", "begin it with: fragment NAME")
                    : error(kind, "a fragment is no policy of its own", "include it from a policy");
        }
        Token name = take();
        if (!(name.text() + ".policy").equals(nameOf(path))) {
            throw error(name, name.shown() + " is not the name of this file", "the name must match " + nameOf(path));
        }
    }

    private void statement() throws PolicyException, IOException {
        Token first = peek();
        switch (first.kind() == Token.Kind.WORD ? first.text() : "") {
            case "include" -> include();
            case "default" -> defaultAction();
            case "allow", "log", "errno", "trap", "kill" -> rule();
            default ->
                throw error(
                        first,
                        "expected a rule, found " + first.shown(),
                        Nearest.suggestion(
                                first.text(), STATEMENTS, "a rule begins with " + String.join(", ", ACTIONS)));
        }
    }

    private void include() throws PolicyException, IOException {
        take();
        Token name = take();
        boolean word = name.kind() == Token.Kind.WORD; // a text may have bytes that no name has
        Path path = directory.resolve(word ? name.text() : "").toAbsolutePath();
        if (!word || !Files.isRegularFile(path)) {
            throw error(name, "there is no file " + name.shown() + " beside this one", "name a file of " + directory);
        }
        Location earlier = included.putIfAbsent(path, name.location());
        if (earlier != null) {
            throw error(name, name.text() + " is included already", "remove this line, or the one at " + earlier);
        }
        file(path, Files.readString(path), true);
    }

    private void defaultAction() throws PolicyException {
        Token word = take();
        if (fragment) {
            throw error(word, "a fragment has no default", "move it into the policies that include this file");
        }
        if (defaultLocation != null) {
            throw error(word, "a second default", "remove it, or the one at " + defaultLocation);
        }
        defaultLocation = word.location();
        defaultAction = action();
        defaultReason = because();
    }

    private void rule() throws PolicyException {
        Action action = action();
        List<Token> names = new ArrayList<>();
        do {
            names.add(take());
        } while (skip(","));
        List<SyscallTable.Syscall> calls = new ArrayList<>();
        for (Token name : names) {
            SyscallTable.Syscall call = name.kind() == Token.Kind.WORD ? table.find(name.text()) : null;
            if (call == null) {
                String cure = Nearest.suggestion(name.text(), table.names(), "x86_64.syscalls lists those known");
                throw error(name, name.shown() + " is no system call of x86-64", cure);
            }
            calls.add(call);
        }
        int conditionsAt = at;
        List<List<Condition>> conditions = new ArrayList<>();
        for (SyscallTable.Syscall call : calls) {
            at = conditionsAt;
            conditions.add(conditions(call));
        }
        String reason = because();
        for (int i = 0; i < calls.size(); i++) {
            rules.add(new Rule(names.get(i).location(), action, calls.get(i), conditions.get(i), reason));
        }
    }

    private Action action() throws PolicyException {
        Token word = take();
        return switch (word.kind() == Token.Kind.WORD ? word.text() : "") {
            case "allow" -> new Action.Allow();
            case "log" -> new Action.Log();
            case "trap" -> new Action.Trap();
            case "kill" -> new Action.Kill();
            case "errno" -> new Action.Deny(errno());
            default -> throw error(word, word.shown() + " is no action", "one of " + String.join(", ", ACTIONS));
        };
    }

    private Errno errno() throws PolicyException {
        Token name = take();
        List<String> known = Arrays.stream(Errno.values())
                .map(Errno::name)
                .filter(n -> !n.equals("UNKNOWN"))
                .toList();
        if (!known.contains(name.text())) {
            throw error(
                    name,
                    name.shown() + " is no errno",
                    Nearest.suggestion(name.text(), known, "write one: errno EPERM"));
        }
        return Errno.valueOf(name.text());
    }

    private String because() throws PolicyException {
        Token word = take();
        if (!word.is("because")) {
            throw error(word, "expected a reason, found " + word.shown(), "every rule ends in: because \"...\"");
        }
        Token reason = take();
        if (reason.kind() != Token.Kind.STRING || reason.text().strip().length() < 8) {
            throw error(reason, "that is no reason", "say in a string of some words why the process needs it");
        }
        return reason.text().strip();
    }

    private List<Condition> conditions(SyscallTable.Syscall call) throws PolicyException {
        List<Condition> all = new ArrayList<>();
        if (!skip("when")) {
            return all;
        }
        do {
            all.add(condition(call));
        } while (skip("and"));
        return all;
    }

    private Condition condition(SyscallTable.Syscall call) throws PolicyException {
        int start = at;
        Token name = take();
        SyscallTable.Argument argument = call.argument(name.text());
        if (argument == null) {
            List<String> names =
                    call.arguments().stream().map(SyscallTable.Argument::name).toList();
            throw error(
                    name,
                    call.name() + " has no argument " + name.shown(),
                    names.isEmpty()
                            ? "describe its arguments in x86_64.syscalls first"
                            : "its arguments are " + String.join(", ", names));
        }
        ArgumentTest test = new ConditionParser(argument).test();
        return new Condition(argument, test, written(start));
    }

    private String written(int start) {
        StringBuilder text = new StringBuilder();
        for (Token token : tokens.subList(start, at)) {
            if (!text.isEmpty() && !token.is(",") && text.charAt(text.length() - 1) != '~') {
                text.append(' ');
            }
            text.append(token.text());
        }
        return text.toString();
    }

    private Token peek() {
        return tokens.get(at);
    }

    private Token take() {
        Token token = tokens.get(at);
        if (token.kind() != Token.Kind.END) {
            at++;
        }
        return token;
    }

    private boolean skip(String word) {
        if (!peek().is(word)) {
            return false;
        }
        at++;
        return true;
    }

    private static PolicyException error(Token token, String what, String cure) {
        return new PolicyException(token.location(), what, cure);
    }

    /** The part of a condition behind the argument's name. */
    private final class ConditionParser {
        private final SyscallTable.Argument argument;

        ConditionParser(SyscallTable.Argument argument) {
            this.argument = argument;
        }

        ArgumentTest test() throws PolicyException {
            Token operator = take();
            return switch (operator.text()) {
                case "==" -> new ArgumentTest.OneOf(List.of(value()));
                case "!=" -> new ArgumentTest.NoneOf(List.of(value()));
                case "<" -> below(operator, value(), 1);
                case "<=" -> below(operator, value(), 0);
                case ">" -> above(operator, value(), 1);
                case ">=" -> above(operator, value(), 0);
                case "&" -> masked(operator);
                case "in" -> peek().is("{") ? new ArgumentTest.OneOf(set()) : range();
                case "not" -> {
                    Token in = take();
                    if (!in.is("in")) {
                        throw error(in, "expected in behind not", "write: " + argument.name() + " not in { ... }");
                    }
                    yield new ArgumentTest.NoneOf(set());
                }
                default ->
                    throw error(
                            operator, operator.shown() + " is no comparison", "use == != < <= > >= & in, or not in");
            };
        }

        private ArgumentTest below(Token operator, long limit, int strict) throws PolicyException {
            if ((limit == 0 && strict == 1) || (limit == argument.mask() && strict == 0)) {
                throw error(operator, "this comparison is always the same", "remove the rule or the condition");
            }
            return new ArgumentTest.Range(0, limit - strict);
        }

        private ArgumentTest above(Token operator, long limit, int strict) throws PolicyException {
            if ((limit == 0 && strict == 0) || (limit == argument.mask() && strict == 1)) {
                throw error(operator, "this comparison is always the same", "remove the rule or the condition");
            }
            return new ArgumentTest.Range(limit + strict, argument.mask());
        }

        private ArgumentTest masked(Token operator) throws PolicyException {
            long mask = value();
            Token comparison = take();
            if (!comparison.is("==") && !comparison.is("!=")) {
                throw error(
                        comparison,
                        "expected == or != behind a mask",
                        "write: " + argument.name() + " & MASK == VALUE");
            }
            long wanted = value();
            if (mask == 0 || (wanted & ~mask) != 0) {
                throw error(operator, "the value has bits outside the mask, or the mask is 0", "widen the mask");
            }
            return new ArgumentTest.Masked(mask, wanted, comparison.is("=="));
        }

        private List<Long> set() throws PolicyException {
            Token open = take();
            if (!open.is("{")) {
                throw error(open, "expected a set in braces, found " + open.shown(), "write: in { A, B }");
            }
            List<Long> values = new ArrayList<>();
            do {
                Token token = peek();
                long value = value();
                if (values.contains(value)) {
                    throw error(token, "this value is in the set twice", "remove one");
                }
                values.add(value);
            } while (skip(","));
            Token close = take();
            if (!close.is("}")) {
                throw error(close, "the set does not end: found " + close.shown(), "close it with }");
            }
            return values;
        }

        private ArgumentTest range() throws PolicyException {
            Token start = peek();
            long low = value();
            if (!skip("..")) {
                throw error(peek(), "expected a range", "write: in LOW .. HIGH, or in { A, B }");
            }
            long high = value();
            if (Long.compareUnsigned(low, high) >= 0) {
                throw error(start, "this range is empty or has one value", "put the smaller number first, or use ==");
            }
            return new ArgumentTest.Range(low, high);
        }

        private long value() throws PolicyException {
            long value = term();
            while (skip("|")) {
                value |= term();
            }
            return value;
        }

        private long term() throws PolicyException {
            boolean invert = skip("~");
            boolean negate = !invert && skip("-");
            Token token = take();
            long plain = plain(token);
            long value = (invert ? ~plain : negate ? -plain : plain) & argument.mask();
            if (!invert && !negate && value != plain) {
                throw error(
                        token, token.shown() + " does not fit into 32 bits", argument.name() + " is a 32-bit argument");
            }
            return value;
        }

        private long plain(Token token) throws PolicyException {
            if (token.kind() == Token.Kind.NUMBER) {
                try {
                    boolean hex = token.text().startsWith("0x");
                    return Long.parseUnsignedLong(hex ? token.text().substring(2) : token.text(), hex ? 16 : 10);
                } catch (NumberFormatException e) {
                    throw error(token, token.shown() + " is no number", "write decimal or 0x hexadecimal");
                }
            }
            Long constant = token.kind() == Token.Kind.WORD ? Constants.find(token.text()) : null;
            if (constant == null) {
                throw error(
                        token,
                        token.shown() + " is no number and no known constant",
                        Nearest.suggestion(token.text(), Constants.names(), "x86_64.constants lists those known"));
            }
            return constant;
        }
    }
}
