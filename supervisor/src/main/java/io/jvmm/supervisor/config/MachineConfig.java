package io.jvmm.supervisor.config;

import java.util.regex.Pattern;

/**
 * The machine itself.
 *
 * @param name how messages call it
 * @param memory guest memory
 * @param vcpus virtual processors, 1 to {@link #MOST_VCPUS}
 * @param engine what runs guest code
 */
public record MachineConfig(String name, MemorySize memory, int vcpus, Engine engine) {
    /** A link has one reply slot a processor; the board's tables are sized for as many. */
    public static final int MOST_VCPUS = 64;

    public static final int LONGEST_NAME = 63;

    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]*");

    /** What runs guest code. */
    public enum Engine implements Word {
        KVM,
        /** The software CPU: needs nothing of the host. */
        X86,
        /** {@link #KVM} where the host's can run the guest, else {@link #X86}. */
        AUTO
    }

    public MachineConfig {
        checkName(name);
        if (vcpus < 1 || vcpus > MOST_VCPUS) {
            throw new IllegalArgumentException(vcpus + " virtual processors: 1 to " + MOST_VCPUS + " can be had.");
        }
    }

    static void checkName(String name) {
        if (name.length() > LONGEST_NAME || !NAME.matcher(name).matches()) {
            throw new IllegalArgumentException(Quoted.of(name)
                    + " is no name: at most 63 letters, digits, '.', '_' and '-', beginning with a letter"
                    + " or digit. Use e.g. name = \"web-1\".");
        }
    }
}
