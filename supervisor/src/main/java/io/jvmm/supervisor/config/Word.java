package io.jvmm.supervisor.config;

import java.util.Locale;

/** An enum whose constants are words of the configuration: {@code AUTO} is written {@code "auto"}. */
public interface Word {
    String name();

    default String word() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
