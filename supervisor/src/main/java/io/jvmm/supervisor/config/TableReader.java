package io.jvmm.supervisor.config;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.IntUnaryOperator;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.tomlj.TomlArray;
import org.tomlj.TomlPosition;
import org.tomlj.TomlTable;

/**
 * Reads the keys of one table and collects what is wrong with them. A value that is wrong is reported and answered with the
 * caller's standard, so that the reading goes on and all problems of a file come out at once.
 */
final class TableReader {
    private final String file;
    private final Path directory;
    private final ConfigKey.Section section;
    private final String prefix;
    private final @Nullable TomlTable table;
    private final @Nullable TomlPosition header;
    private final List<ConfigProblem> problems;
    private final Map<String, String> where;
    private final Set<ConfigKey> wrong = EnumSet.noneOf(ConfigKey.class);

    /**
     * @param prefix how the table is called in messages: {@code machine}, {@code serial[2]}
     * @param table null when the file has no such table
     */
    TableReader(
            String file,
            Path directory,
            ConfigKey.Section section,
            String prefix,
            @Nullable TomlTable table,
            @Nullable TomlPosition header,
            List<ConfigProblem> problems,
            Map<String, String> where) {
        this.file = file;
        this.directory = directory;
        this.section = section;
        this.prefix = prefix;
        this.table = table;
        this.header = header;
        this.problems = problems;
        this.where = where;
        if (table != null) {
            table.keySet().forEach(k -> where.put(prefix + "." + k, place(table.inputPositionOf(List.of(k)))));
            checkNames(table);
        }
    }

    boolean isPresent(ConfigKey key) {
        return value(key) != null;
    }

    /** Whether the key was given and is in order. */
    boolean isGood(ConfigKey key) {
        return isPresent(key) && !wrong.contains(key);
    }

    /** Whether the key was given and found wrong. */
    boolean isWrong(ConfigKey key) {
        return wrong.contains(key);
    }

    void complain(ConfigKey key, String message) {
        wrong.add(key);
        String subject = prefix + "." + key.key();
        problems.add(new ConfigProblem(
                where.getOrDefault(subject, header == null ? file : place(header)), subject, message));
    }

    Optional<String> text(ConfigKey key) {
        Object value = value(key);
        if (value == null) {
            return Optional.empty();
        }
        if (value instanceof String s) {
            if (s.indexOf('\0') >= 0) {
                complain(key, "there is a NUL character in the text. Remove it.");
                return Optional.empty();
            }
            return Optional.of(s);
        }
        complain(
                key,
                "is " + describe(value) + ", and must be text. Use e.g. " + key.key() + " = " + example(key) + ".");
        return Optional.empty();
    }

    /** Text given to a parser or a check that throws IllegalArgumentException with a sentence for the user. */
    <T> T parsed(ConfigKey key, Function<String, T> parser, T standard) {
        Optional<String> text = text(key);
        if (text.isEmpty()) {
            return standard;
        }
        try {
            return parser.apply(text.get());
        } catch (IllegalArgumentException e) {
            complain(key, String.valueOf(e.getMessage()));
            return standard;
        }
    }

    int integer(ConfigKey key, int least, int most, int standard) {
        Object value = value(key);
        if (value == null) {
            return standard;
        }
        if (!(value instanceof Long number)) {
            complain(
                    key,
                    "is " + describe(value) + ", and must be a whole number, " + least + " to " + most + ". Use e.g. "
                            + key.key() + " = " + standard + ".");
            return standard;
        }
        if (number < least || number > most) {
            complain(key, number + " is out of range, which is " + least + " to " + most + ".");
            return standard;
        }
        return number.intValue();
    }

    /** As {@link #integer}, where 32 bits do not hold it. */
    long longInteger(ConfigKey key, long least, long most, long standard) {
        Object value = value(key);
        if (value == null) {
            return standard;
        }
        if (!(value instanceof Long number)) {
            complain(key, "is " + describe(value) + ", and must be a whole number, " + least + " to " + most + ".");
            return standard;
        }
        if (number < least || number > most) {
            complain(key, number + " is out of range, which is " + least + " to " + most + ".");
            return standard;
        }
        return number;
    }

    /** A number given to a check that throws IllegalArgumentException with a sentence for the user. */
    int checked(ConfigKey key, IntUnaryOperator check, int standard) {
        int number = integer(key, Integer.MIN_VALUE, Integer.MAX_VALUE, standard);
        try {
            return check.applyAsInt(number);
        } catch (IllegalArgumentException e) {
            complain(key, String.valueOf(e.getMessage()));
            return standard;
        }
    }

    boolean bool(ConfigKey key, boolean standard) {
        Object value = value(key);
        if (value == null) {
            return standard;
        }
        if (value instanceof Boolean b) {
            return b;
        }
        complain(
                key,
                "is " + describe(value) + ", and must be true or false. Use e.g. " + key.key() + " = " + !standard
                        + ".");
        return standard;
    }

    /** A list of texts, each given to a parser as with {@link #parsed}. */
    <T> List<T> list(ConfigKey key, Function<String, T> parser) {
        Object value = value(key);
        if (value == null) {
            return List.of();
        }
        List<T> parsed = new ArrayList<>();
        if (value instanceof TomlArray a && a.toList().stream().allMatch(String.class::isInstance)) {
            for (Object each : a.toList()) {
                try {
                    parsed.add(parser.apply((String) each));
                } catch (IllegalArgumentException e) {
                    complain(key, String.valueOf(e.getMessage()));
                }
            }
            return parsed;
        }
        complain(key, "is " + describe(value) + ", and must be a list of texts.");
        return parsed;
    }

    <E extends Enum<E> & Word> E choice(ConfigKey key, E[] words, E standard) {
        Optional<String> text = text(key);
        if (text.isEmpty()) {
            return standard;
        }
        for (E word : words) {
            if (word.word().equals(text.get())) {
                return word;
            }
        }
        List<String> known = Arrays.stream(words).map(Word::word).toList();
        complain(
                key,
                Quoted.of(text.get()) + " is not known. "
                        + Spelling.nearest(text.get(), known)
                                .map(w -> "Did you mean \"" + w + "\"?")
                                .orElse("Use one of " + quotedList(known) + "."));
        return standard;
    }

    /** A path, made absolute against the file's directory. */
    Optional<Path> path(ConfigKey key) {
        Optional<String> text = text(key);
        if (text.isEmpty()) {
            return Optional.empty();
        }
        try {
            return Optional.of(resolve(text.get()).normalize());
        } catch (IllegalArgumentException e) {
            complain(key, String.valueOf(e.getMessage()));
            return Optional.empty();
        }
    }

    /** Paths made absolute, but otherwise as they are written: beyond a link to a directory, ".." is another place. */
    List<Path> paths(ConfigKey key) {
        return list(key, this::resolve);
    }

    private Path resolve(String text) {
        if (text.isEmpty()) {
            throw new IllegalArgumentException("the path is empty. Name a file, or remove the key.");
        }
        try {
            return directory.resolve(text);
        } catch (InvalidPathException e) {
            throw new IllegalArgumentException(Quoted.of(text) + " is not a path: " + e.getReason() + ".", e);
        }
    }

    void require(ConfigKey key, String example) {
        if (!isPresent(key)) {
            complain(key, "is missing. Add e.g. " + key.key() + " = " + example + ".");
        }
    }

    @Nullable
    Object value(ConfigKey key) {
        return table == null ? null : table.get(List.of(key.key()));
    }

    private void checkNames(TomlTable present) {
        List<String> known = section.keys().stream().map(ConfigKey::key).toList();
        for (String name : present.keySet()) {
            if (known.contains(name) || ConfigKey.Section.isNested(section, name)) {
                continue;
            }
            String advice = Spelling.nearest(name, known)
                    .map(n -> "Did you mean \"" + n + "\"?")
                    .or(() -> elsewhere(name, section))
                    .orElse("The keys of " + section.header() + " are " + String.join(", ", known) + ".");
            String subject = prefix + "." + plain(name);
            problems.add(new ConfigProblem(
                    place(present.inputPositionOf(List.of(name))), subject, "unknown key. " + advice));
        }
    }

    /** Where a key of that very name lives. */
    static Optional<String> elsewhere(String name, ConfigKey.@Nullable Section notHere) {
        List<String> sections = Arrays.stream(ConfigKey.values())
                .filter(k -> k.key().equals(name) && k.section() != notHere)
                .map(k -> k.section().header())
                .toList();
        return sections.isEmpty()
                ? Optional.empty()
                : Optional.of("It belongs to " + String.join(" or ", sections) + ".");
    }

    /** A key from the file as it may be shown. */
    static String plain(String name) {
        return name.matches("[A-Za-z0-9_-]{1,60}") ? name : Quoted.of(name);
    }

    String place(@Nullable TomlPosition position) {
        return position == null ? file : file + ":" + position.line() + ":" + position.column();
    }

    static String describe(@Nullable Object value) {
        return switch (value) {
            case null -> "nothing";
            case String _ -> "text";
            case Long _ -> "a number";
            case Double _ -> "a fraction";
            case Boolean _ -> "true or false";
            case TomlArray _ -> "a list";
            case TomlTable _ -> "a table";
            default -> "a date or time";
        };
    }

    private static String example(ConfigKey key) {
        return key.standard().startsWith("\"") ? key.standard() : "\"…\"";
    }

    private static String quotedList(List<String> words) {
        return words.stream().map(w -> '"' + w + '"').collect(Collectors.joining(", "));
    }
}
