package io.jvmm.ipc.trace;

import io.jvmm.ipc.message.Visible;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.BiConsumer;

/**
 * How a life began, as the text of its LIFE record: lines {@code key = value} in UTF-8. In a value {@code \n}, {@code \r} and {@code \\} stand for
 * line feed, carriage return and backslash. A configuration entry K has the key {@code config.K}.
 */
public final class LifeText {
    /** Version of the format: {@link TraceLayout#VERSION}. */
    public static final String FORMAT = "format";
    /** Name of the device class: {@code serial}. */
    public static final String DEVICE = "device";
    /** Version of the program. */
    public static final String PROGRAM = "program";
    /** Number of the device in the header of its state segment. */
    public static final String STATE_ID = "state.id";

    public static final String STATE_VERSION = "state.version";
    public static final String STATE_BYTES = "state.bytes";
    /** {@code true}: the core initialises its state; {@code false}: it goes on with the one recorded. */
    public static final String FRESH = "fresh";
    /** Monotonic time at which the core was made. */
    public static final String NOW_NS = "now-ns";
    /** Wall clock at that time, nanoseconds since 1970; for people. */
    public static final String WALL_CLOCK_NS = "wall-clock-ns";
    /** Of the guest; absent for a device that does not use it. */
    public static final String MEMORY_BYTES = "memory.bytes";

    private static final String CONFIG = "config.";
    private static final String IS = " = ";

    private final Map<String, String> entries = new LinkedHashMap<>();

    /** Without entries yet. */
    public LifeText() {
        put(FORMAT, TraceLayout.VERSION);
    }

    /**
     * Reads what {@link #toString} wrote. <b>Hostile.</b>
     *
     * @throws TraceFormatException when a line is no entry, there are doubles, or the format is another
     */
    public static LifeText parse(String text) throws TraceFormatException {
        LifeText life = new LifeText();
        life.entries.clear();
        for (String line : text.lines().toList()) {
            int is = line.indexOf(IS);
            if (is <= 0 || life.entries.containsKey(line.substring(0, is))) {
                throw new TraceFormatException("how the life began: " + Visible.of(line));
            }
            life.entries.put(line.substring(0, is), unescape(line.substring(is + IS.length())));
        }
        long format = life.number(FORMAT);
        if (format < TraceLayout.OLDEST_VERSION || format > TraceLayout.VERSION) {
            throw new TraceFormatException(
                    "a trace of format " + Visible.of(life.find(FORMAT).orElse("(none)")) + "; this reads "
                            + TraceLayout.OLDEST_VERSION + " to " + TraceLayout.VERSION);
        }
        return life;
    }

    /** Sets an entry. */
    public LifeText put(String key, String value) {
        if (key.isEmpty() || key.contains(IS) || key.contains("\n") || key.contains("\r")) {
            throw new IllegalArgumentException("key of a life: " + key);
        }
        entries.put(key, value);
        return this;
    }

    /** Sets an entry. */
    public LifeText put(String key, long value) {
        return put(key, Long.toString(value));
    }

    /** Sets an entry of the device's configuration. */
    public LifeText putConfig(String key, String value) {
        return put(CONFIG + key, value);
    }

    /** An entry. */
    public Optional<String> find(String key) {
        return Optional.ofNullable(entries.get(key));
    }

    /** An entry of the device's configuration. */
    public Optional<String> config(String key) {
        return find(CONFIG + key);
    }

    /** All entries of the device's configuration, sorted. */
    public Map<String, String> config() {
        Map<String, String> config = new TreeMap<>();
        forEach((key, value) -> {
            if (key.startsWith(CONFIG)) {
                config.put(key.substring(CONFIG.length()), value);
            }
        });
        return config;
    }

    /** All entries in their order. */
    public void forEach(BiConsumer<String, String> action) {
        entries.forEach(action);
    }

    /**
     * An entry that is a number.
     *
     * @throws TraceFormatException when it is missing or is none
     */
    public long number(String key) throws TraceFormatException {
        String text = entries.getOrDefault(key, "(none)");
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException e) {
            throw new TraceFormatException("how the life began: " + key + IS + Visible.of(text));
        }
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        entries.forEach((key, value) ->
                text.append(key).append(IS).append(escape(value)).append('\n'));
        return text.toString();
    }

    private static String escape(String value) {
        return value.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r");
    }

    private static String unescape(String value) {
        StringBuilder plain = new StringBuilder();
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            if (c == '\\' && i + 1 < value.length()) {
                i++;
                c = value.charAt(i);
                c = c == 'n' ? '\n' : c == 'r' ? '\r' : c;
            }
            plain.append(c);
        }
        return plain.toString();
    }
}
