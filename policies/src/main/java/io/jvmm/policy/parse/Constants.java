package io.jvmm.policy.parse;

import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Constants a policy may name, from the resource x86_64.constants. */
public final class Constants {
    private static final Map<String, Long> BY_NAME = load();

    private Constants() {}

    public static @Nullable Long find(String name) {
        return BY_NAME.get(name);
    }

    public static Set<String> names() {
        return BY_NAME.keySet();
    }

    private static Map<String, Long> load() {
        Map<String, Long> all = new TreeMap<>();
        for (String line : ResourceLines.of("x86_64.constants")) {
            String[] words = line.split(" ", 2);
            all.put(words[0], Long.decode(words[1]));
        }
        return all;
    }
}
