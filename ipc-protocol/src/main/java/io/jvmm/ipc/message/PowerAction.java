package io.jvmm.ipc.message;

import org.jspecify.annotations.Nullable;

/** What the guest asked the platform for. Numbers go over the wire. */
public enum PowerAction {
    POWER_OFF(1),
    RESET(2);

    private final int number;

    PowerAction(int number) {
        this.number = number;
    }

    public int number() {
        return number;
    }

    /** The action of a number, or null when there is none. */
    public static @Nullable PowerAction of(int number) {
        return switch (number) {
            case 1 -> POWER_OFF;
            case 2 -> RESET;
            default -> null;
        };
    }
}
