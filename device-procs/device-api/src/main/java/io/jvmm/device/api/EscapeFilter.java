package io.jvmm.device.api;

/**
 * The escape key of a terminal in raw mode: Ctrl-A, then {@code x} to quit, {@code b} to send a break, {@code h} for help,
 * Ctrl-A or {@code a} to send one Ctrl-A. Any other key after Ctrl-A does nothing, so that a slip reaches nobody.
 */
final class EscapeFilter implements InputFilter {

    private static final int CTRL_A = 0x01;
    private static final String HELP_TEXT = """
            \r
            Ctrl-A x       quit: stop the machine at once\r
            Ctrl-A b       send a break\r
            Ctrl-A Ctrl-A  send Ctrl-A\r
            Ctrl-A h       this help\r
            """;

    private final int port;
    private final HostEvents events;
    private boolean escaped;

    EscapeFilter(int port, HostEvents events) {
        this.port = port;
        this.events = events;
    }

    @Override
    public int filter(int value) {
        if (!escaped) {
            escaped = value == CTRL_A;
            return escaped ? SWALLOWED : value;
        }
        escaped = false;
        return switch (value) {
            case 'x', 'X' -> {
                events.escape(port, HostEvents.ESCAPE_QUIT);
                yield SWALLOWED;
            }
            case 'b', 'B' -> BREAK;
            case 'h', 'H', '?' -> HELP;
            case CTRL_A, 'a', 'A' -> CTRL_A;
            default -> SWALLOWED;
        };
    }

    @Override
    public String help() {
        return HELP_TEXT;
    }
}
