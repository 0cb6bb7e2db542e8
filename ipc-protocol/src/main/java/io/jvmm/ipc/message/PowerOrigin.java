package io.jvmm.ipc.message;

import org.jspecify.annotations.Nullable;

/** Through which register the guest asked. Numbers go over the wire. */
public enum PowerOrigin {
    ACPI(1),
    I8042(2),
    CF9(3);

    private final int number;

    PowerOrigin(int number) {
        this.number = number;
    }

    public int number() {
        return number;
    }

    /** The origin of a number, or null when there is none. */
    public static @Nullable PowerOrigin of(int number) {
        return switch (number) {
            case 1 -> ACPI;
            case 2 -> I8042;
            case 3 -> CF9;
            default -> null;
        };
    }
}
