package io.jvmm.ipc.message;

import org.jspecify.annotations.Nullable;

/** Why the guest runs no more. Numbers go over the wire. */
public enum StopCause {
    /** It powered itself off through ACPI. */
    POWERED_OFF(1),
    /** It reset itself: ACPI, i8042 or CF9. */
    RESET(2),
    /** Triple fault or shutdown. */
    CRASHED(3),
    /** The engine cannot run it. */
    ENGINE_ERROR(4);

    private final int number;

    StopCause(int number) {
        this.number = number;
    }

    public int number() {
        return number;
    }

    /** The cause of a number, or null when there is none. */
    public static @Nullable StopCause of(int number) {
        return switch (number) {
            case 1 -> POWERED_OFF;
            case 2 -> RESET;
            case 3 -> CRASHED;
            case 4 -> ENGINE_ERROR;
            default -> null;
        };
    }
}
