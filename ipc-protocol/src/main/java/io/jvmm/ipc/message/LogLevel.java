package io.jvmm.ipc.message;

/** How much a log record matters. Numbers go over the wire. */
public enum LogLevel {
    ERROR(1),
    WARN(2),
    INFO(3),
    DEBUG(4);

    private final int number;

    LogLevel(int number) {
        this.number = number;
    }

    public int number() {
        return number;
    }

    /** The level of a number; {@link #DEBUG} for one we do not know. */
    public static LogLevel of(int number) {
        return switch (number) {
            case 1 -> ERROR;
            case 2 -> WARN;
            case 3 -> INFO;
            default -> DEBUG;
        };
    }
}
