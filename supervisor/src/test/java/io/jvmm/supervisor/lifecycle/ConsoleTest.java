package io.jvmm.supervisor.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class ConsoleTest {
    private static final long NEVER = Long.MAX_VALUE;

    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    private Console console(Console.Detail detail) {
        return new Console(new PrintStream(err, true, StandardCharsets.UTF_8), detail);
    }

    @Test
    void dotsEndBeforeTheNextLine() {
        Console console = console(Console.Detail.NORMAL);
        console.tick(0);
        console.tick(0);
        console.tick(NEVER);
        console.say("a");
        console.tick(0);
        console.endTicks();
        console.endTicks();
        assertEquals("jvmm: ..\na\njvmm: .\n", err.toString(StandardCharsets.UTF_8));
    }

    @Test
    void onARawTerminalALineBringsItsCarriageReturn() {
        Console console = console(Console.Detail.NORMAL);
        console.setRaw(true);
        console.tick(0);
        console.endTicks();
        assertEquals("jvmm: .\r\n", err.toString(StandardCharsets.UTF_8));
    }

    @Test
    void whoWantsNoProgressGetsNoDots() {
        console(Console.Detail.QUIET).tick(0);
        console(Console.Detail.VERBOSE).tick(0);
        assertEquals("", err.toString(StandardCharsets.UTF_8));
    }
}
