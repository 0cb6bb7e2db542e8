package io.jvmm.supervisor.journal;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.function.IntFunction;

/**
 * Names of the methods on tapes, from a list ({@code methods.txt}: class, number, name) that a test compares with the devices' own. For people; a
 * number without a name is shown as such.
 */
public final class MethodNames {
    /** In the place of a class: of every device. */
    public static final String RUNTIME = "runtime";

    private final Map<String, String> names = new HashMap<>();

    private MethodNames() {}

    /** The list. */
    public static MethodNames load() {
        MethodNames all = new MethodNames();
        try (InputStream in = MethodNames.class.getResourceAsStream("methods.txt")) {
            if (in == null) {
                throw new IllegalStateException("methods.txt is missing");
            }
            for (String line : new String(in.readAllBytes(), StandardCharsets.US_ASCII)
                    .lines()
                    .toList()) {
                String[] word = line.split(" ", -1);
                if (word.length == 3) {
                    all.names.put(word[0] + " " + word[1], word[2]);
                }
            }
            return all;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Those of one class: {@code block}. */
    public IntFunction<String> of(String deviceClass) {
        return code -> names.getOrDefault(
                deviceClass + " " + code, names.getOrDefault(RUNTIME + " " + code, Integer.toString(code)));
    }
}
