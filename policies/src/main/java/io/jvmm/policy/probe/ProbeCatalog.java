package io.jvmm.policy.probe;

import io.jvmm.policy.bpf.Bpf;
import io.jvmm.policy.parse.Constants;
import io.jvmm.policy.parse.SyscallTable;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What is tried, read from the resource x86_64.calls, which says how to write it. Immutable. */
public final class ProbeCatalog {
    private static final String RESOURCE = "x86_64.calls";
    private static final Pattern TOKEN =
            Pattern.compile("\\s*(?:(\"[^\"]*\")|(\\{)|(\\})|((?:[1248](?=[:*]))(?:\\*(?:\\d+))?:?)|([^\\s{}\"]+))");
    private static final Pattern FIELD = Pattern.compile("([1248])(?:\\*(\\d+))?:?");

    private ProbeCatalog() {}

    /** Everything, in the order of the table. */
    public static List<ProbeCall> all() {
        List<ProbeCall> calls = new ArrayList<>();
        String section = "";
        for (String line : lines()) {
            if (line.startsWith("== ")) {
                section = line.substring(3).strip();
            } else {
                calls.add(call(section, line));
            }
        }
        return List.copyOf(calls);
    }

    private static List<String> lines() {
        try (InputStream in = ProbeCatalog.class.getResourceAsStream(RESOURCE)) {
            if (in == null) {
                throw new IllegalStateException("the resource " + RESOURCE + " is missing from the jar");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .map(String::strip)
                    .filter(line -> !line.isEmpty() && !line.startsWith("#"))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** One line. Throws {@link IllegalArgumentException} with it when it cannot be understood. */
    static ProbeCall call(String section, String line) {
        String[] columns = line.split("\\|", 3);
        if (columns.length != 3) {
            throw new IllegalArgumentException("not LEVEL | NAME | CALL: " + line);
        }
        Reader reader = new Reader(columns[2]);
        String call = reader.next();
        ProbeCall.Door door = call.startsWith("int80:")
                ? ProbeCall.Door.INT80
                : call.startsWith("vsyscall:") ? ProbeCall.Door.VSYSCALL : ProbeCall.Door.SYSCALL;
        List<ProbeArgument> arguments = new ArrayList<>();
        while (!reader.atEnd()) {
            arguments.add(reader.argument());
        }
        if (arguments.size() > 6) {
            throw new IllegalArgumentException("more than six arguments: " + line);
        }
        return new ProbeCall(
                section, columns[0].strip().equals("core"), columns[1].strip(), door, number(call), arguments);
    }

    private static int number(String call) {
        int colon = call.indexOf(':');
        String name = call.substring(colon + 1);
        if (!name.matches("\\d+")) {
            return SyscallTable.x86_64().number(name);
        }
        int number = Integer.parseInt(name);
        return call.startsWith("x32:") ? number | Bpf.X32_BIT : number;
    }

    /** Takes the arguments of a line apart. */
    private static final class Reader {
        private final List<String> tokens = new ArrayList<>();
        private int position;

        Reader(String text) {
            Matcher matcher = TOKEN.matcher(text);
            int end = 0;
            while (matcher.find() && matcher.start() == end) {
                tokens.add(matcher.group().strip());
                end = matcher.end();
            }
            if (!text.substring(end).isBlank()) {
                throw new IllegalArgumentException("cannot be understood: " + text.substring(end));
            }
        }

        boolean atEnd() {
            return position == tokens.size();
        }

        String next() {
            if (atEnd()) {
                throw new IllegalArgumentException("ends too early: " + tokens);
            }
            return tokens.get(position++);
        }

        ProbeArgument argument() {
            String token = next();
            if (token.startsWith("\"")) {
                return text(token.substring(1, token.length() - 1));
            }
            return switch (token) {
                case "{" -> structure();
                case "page" -> new ProbeArgument.Page(false);
                case "spare" -> new ProbeArgument.Page(true);
                case "SUPERVISOR", "SIBLING", "KVM_VM", "KVM_VCPU" ->
                    new ProbeArgument.Named(ProbeArgument.Known.valueOf(token));
                default -> new ProbeArgument.Value(value(token));
            };
        }

        private ProbeArgument structure() {
            List<ProbeArgument.Field> fields = new ArrayList<>();
            while (!tokens.get(position).equals("}")) {
                Matcher field = FIELD.matcher(next());
                if (!field.matches()) {
                    throw new IllegalArgumentException("a field is SIZE:WHAT or SIZE*N: " + tokens);
                }
                int width = Integer.parseInt(field.group(1));
                boolean zeros = field.group(2) != null;
                fields.add(new ProbeArgument.Field(
                        width,
                        zeros ? Integer.parseInt(field.group(2)) : 1,
                        zeros ? new ProbeArgument.Value(0) : argument()));
            }
            position++;
            return new ProbeArgument.Address(fields);
        }

        private static ProbeArgument text(String text) {
            List<ProbeArgument.Field> bytes = new ArrayList<>();
            for (byte b : (text + "\0").getBytes(StandardCharsets.UTF_8)) {
                bytes.add(new ProbeArgument.Field(1, 1, new ProbeArgument.Value(b)));
            }
            return new ProbeArgument.Address(bytes);
        }

        /** Octal, decimal or hexadecimal as in C, or a constant by name. */
        private static long value(String token) {
            Long constant = Constants.find(token);
            return constant != null ? constant : Long.decode(token);
        }
    }
}
