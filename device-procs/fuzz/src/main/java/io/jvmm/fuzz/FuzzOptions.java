package io.jvmm.fuzz;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The command line of {@code jvmm-fuzz}. */
final class FuzzOptions {
    private static final Pattern TIME = Pattern.compile("(\\d{1,6})(s|m|h)");

    /** What it is to do. */
    enum Task {
        HELP,
        LIST,
        FUZZ,
        REPRODUCE,
        CONVERT,
        SELECT,
        SANDBOX
    }

    Task task = Task.FUZZ;
    List<Targets> targets = new ArrayList<>();

    @Nullable
    Path corpus;

    @Nullable
    Path file;

    @Nullable
    Path dictionary;

    Path findings = Path.of("findings");
    long seconds = 60;
    long runs;
    int jobs = 1;
    long seed;
    int keepGoing = 1;
    boolean minimise = true;

    @Nullable
    Path distribution;

    /**
     * Reads it.
     *
     * @throws IllegalArgumentException one line for the user
     */
    static FuzzOptions of(String[] args) {
        FuzzOptions options = new FuzzOptions();
        for (int i = 0; i < args.length; i++) {
            String name = args[i];
            String value = null;
            int equals = name.indexOf('=');
            if (name.startsWith("--") && equals > 0) {
                value = name.substring(equals + 1);
                name = name.substring(0, equals);
            }
            if (takesValue(name) && value == null) {
                if (++i == args.length) {
                    throw new IllegalArgumentException(name + " needs a value; see --help");
                }
                value = args[i];
            }
            options.take(name, value);
        }
        if (options.targets.isEmpty() && options.task != Task.HELP && options.task != Task.LIST) {
            throw new IllegalArgumentException("--device NAME or --target NAME is missing; --list tells the names");
        }
        return options;
    }

    private static boolean takesValue(String name) {
        return switch (name) {
            case "--device",
                    "--target",
                    "--corpus",
                    "--dictionary",
                    "--findings",
                    "--time",
                    "--runs",
                    "--jobs",
                    "--seed",
                    "--keep-going",
                    "--reproduce",
                    "--convert",
                    "--select",
                    "--distribution" -> true;
            default -> false;
        };
    }

    private void take(String name, @Nullable String given) {
        String value = given == null ? "" : given;
        switch (name) {
            case "--help", "-h" -> task = Task.HELP;
            case "--list" -> task = Task.LIST;
            case "--device" -> add(value, true);
            case "--target" -> add(value, false);
            case "--corpus" -> corpus = Path.of(value);
            case "--dictionary" -> dictionary = Path.of(value);
            case "--findings" -> findings = Path.of(value);
            case "--time" -> seconds = seconds(value);
            case "--runs" -> runs = number(name, value, 1, Long.MAX_VALUE);
            case "--jobs" -> jobs = (int) number(name, value, 1, 64);
            case "--seed" -> seed = number(name, value, 1, Integer.MAX_VALUE);
            case "--keep-going" -> keepGoing = (int) number(name, value, 1, 1000);
            case "--no-minimise" -> minimise = false;
            case "--reproduce" -> {
                task = Task.REPRODUCE;
                file = Path.of(value);
            }
            case "--convert" -> {
                task = Task.CONVERT;
                file = Path.of(value);
            }
            case "--select" -> {
                task = Task.SELECT;
                file = Path.of(value);
            }
            case "--sandbox" -> task = Task.SANDBOX;
            case "--distribution" -> distribution = Path.of(value);
            default -> {
                if (name.startsWith("-") || task != Task.SANDBOX || file != null) {
                    throw new IllegalArgumentException("'" + name + "' is not an option; see --help");
                }
                file = Path.of(name);
            }
        }
    }

    private void add(String name, boolean device) {
        if (name.equals("all")) {
            for (Targets target : Targets.values()) {
                if (target.isDevice() || !device) {
                    targets.add(target);
                }
            }
            return;
        }
        Targets target = Targets.find(name)
                .orElseThrow(() -> new IllegalArgumentException("no " + (device ? "device" : "target") + " is named '"
                        + name + "'; there are " + String.join(", ", Targets.names(true))
                        + (device ? "" : ", " + String.join(", ", Targets.names(false))) + ", and all"));
        if (device && !target.isDevice()) {
            throw new IllegalArgumentException("'" + name + "' is no device but a parser: --target " + name);
        }
        targets.add(target);
    }

    private static long seconds(String value) {
        Matcher matcher = TIME.matcher(value);
        if (!matcher.matches()) {
            throw new IllegalArgumentException("--time " + value + ": write it as 90s, 10m or 2h");
        }
        long number = Long.parseLong(matcher.group(1));
        return switch (matcher.group(2)) {
            case "s" -> number;
            case "m" -> 60 * number;
            default -> 3600 * number;
        };
    }

    private static long number(String name, String value, long least, long most) {
        try {
            long number = Long.parseLong(value);
            if (number >= least && number <= most) {
                return number;
            }
        } catch (NumberFormatException e) {
            // told below
        }
        throw new IllegalArgumentException(name + " " + value + ": a number from " + least
                + (most < Integer.MAX_VALUE ? " to " + most : " on") + " is needed");
    }
}
