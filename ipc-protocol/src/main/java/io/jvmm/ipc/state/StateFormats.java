package io.jvmm.ipc.state;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * How the fields of a state are shown, by their paths without numbers: {@code port.LCR} of {@code port[0].LCR},
 * {@code function.queue.queue_size} of {@code function0.queue1.queue_size}. Immutable.
 */
public final class StateFormats {
    /** No field has a format of its own. */
    public static final StateFormats NONE = new StateFormats(Map.of());

    private final Map<String, FieldFormat> byPath;

    private StateFormats(Map<String, FieldFormat> byPath) {
        this.byPath = Map.copyOf(byPath);
    }

    /** Of the fields that have one. */
    public static StateFormats of(Map<String, FieldFormat> byPath) {
        return new StateFormats(byPath);
    }

    /** One format for several fields, beside those there are. */
    public StateFormats and(FieldFormat format, String... paths) {
        Map<String, FieldFormat> all = new LinkedHashMap<>(byPath);
        for (String path : paths) {
            all.put(path, format);
        }
        return new StateFormats(all);
    }

    /** Those of further fields. */
    public StateFormats and(StateFormats further) {
        return and("", further);
    }

    /** Those of a part of the state, whose own paths begin behind {@code prefix}. */
    public StateFormats and(String prefix, StateFormats part) {
        Map<String, FieldFormat> all = new LinkedHashMap<>(byPath);
        part.byPath.forEach((path, format) -> all.put(prefix + path, format));
        return new StateFormats(all);
    }

    /** How a field is shown. */
    FieldFormat find(String path) {
        return byPath.getOrDefault(withoutNumbers(path), FieldFormat.PLAIN);
    }

    /** The fields that have a format of their own: for tests, that none of them is misspelt. */
    public Set<String> paths() {
        return byPath.keySet();
    }

    /** A path as formats name it: without indices, and of what is before the last name without the digits at its end. */
    public static String withoutNumbers(String path) {
        String named = path.replaceAll("\\[[0-9]+\\]", "");
        int last = named.lastIndexOf('.');
        return last < 0 ? named : named.substring(0, last).replaceAll("[0-9]+(?=\\.|$)", "") + named.substring(last);
    }
}
