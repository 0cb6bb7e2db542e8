package io.jvmm.supervisor.config;

import java.util.List;
import java.util.Set;

/**
 * Which classes of device processes have a spare: a process that has loaded and compiled everything, sits in its jail, and only
 * lacks a device.
 *
 * @param all whether every class has one
 * @param classes otherwise, those that do
 */
public record Standby(boolean all, Set<String> classes) {
    public static final Standby ALL = new Standby(true, Set.of());
    public static final Standby NONE = new Standby(false, Set.of());

    /** Every class there is. */
    static final List<String> CLASSES =
            List.of("serial", "platform", "block", "net", "console", "rng", "balloon", "vsock");

    public Standby {
        classes = Set.copyOf(classes);
    }

    /** Whether this class has a spare. */
    public boolean has(String deviceClass) {
        return all || classes.contains(deviceClass);
    }

    /** One class of a list. */
    static String checkClass(String name) {
        if (!CLASSES.contains(name)) {
            throw new IllegalArgumentException(Quoted.of(name) + " is no class of devices. "
                    + Spelling.nearest(name, CLASSES)
                            .map(w -> "Did you mean \"" + w + "\"?")
                            .orElse("The classes are " + String.join(", ", CLASSES) + "."));
        }
        return name;
    }
}
