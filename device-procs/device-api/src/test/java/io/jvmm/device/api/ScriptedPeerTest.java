package io.jvmm.device.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.boot.ProcessExit;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ScriptedPeerTest {

    private record Played(ProcessExit exit, String output) {}

    private static Played play(String script, String... options) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        String[] args = new String[options.length + 2];
        System.arraycopy(options, 0, args, 0, options.length);
        args[options.length] = "--script";
        args[options.length + 1] = "-";
        ProcessExit exit = ScriptMain.run(
                args,
                new EchoDevice(),
                new ByteArrayInputStream(script.getBytes(StandardCharsets.ISO_8859_1)),
                new PrintStream(out, true, StandardCharsets.ISO_8859_1));
        return new Played(exit, out.toString(StandardCharsets.ISO_8859_1));
    }

    @Test
    void registersHostTimeInterruptsStateAndKills() throws IOException {
        Played played = play("""
                # a comment
                out 100 61
                outw 0x101 1234   # another
                inl 100
                expect 00123461
                host "hi\\n"
                in 110
                expect 68
                kill
                in 110
                expect 69
                out 110 4f
                expect-host "O"
                out 123 a
                sleep 9us
                expect-irq 0 0
                sleep 1us
                expect-irq 0 1
                out 121 1
                irq?
                eoi 1
                state memory
                quit
                in 999
                """);
        assertEquals(
                "",
                played.output.lines().filter(l -> l.contains("-:")).findFirst().orElse(""));
        assertEquals(ProcessExit.STOPPED, played.exit);
        assertTrue(played.output.contains("host 0: \"O\""), played.output);
        assertTrue(played.output.contains("irq 1 level (GSI 9): 1 rising, asserted"), played.output);
        assertTrue(played.output.contains("memory = 0x123461"), played.output);
    }

    @ParameterizedTest(name = "{0}: {1}")
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "inn 100 | 'inn' is not a command; did you mean 'in'? 'help' lists them all",
                "in | the port is missing",
                "in zz | the port: 'zz' is not a hexadecimal number",
                "in 3f8 | port 3f8 is not this device's; it has 100-107, 110-110, 120-127",
                "inl 106 | port 106 with 4 bytes is not this device's; it has 100-107, 110-110, 120-127",
                "out 100 1ff | the value: 1ff does not fit into 1 bytes",
                "out 100 1 2 | '2' is too much",
                "host hello | the text stands in double quotes, not hello",
                "host \"hello | the text has no closing quote",
                "host \"\\q\" | '\\q' is not an escape; there are \\n \\r \\t \\e \\0 \\\\ \\\" \\xHH",
                "host 3 \"x\" | host port: 3; this device has 0..0",
                "sleep 10 | the time: '10'; write 10ns, 5us, 10ms or 2s",
                "carrier maybe | 'maybe' is neither on nor off",
                "eoi 7 | line: 7; this device has 0..1",
            })
    void errorsNameFileLineAndCure(String line, String message) throws IOException {
        Played played = play("in 100\n" + line + "\nin 100\n");
        assertEquals(ProcessExit.BAD_CONFIGURATION, played.exit);
        assertEquals("100 = 00\n-:2: " + message + "\n", played.output);
    }

    @Test
    void anExpectationThatFailsHasAnExitCodeOfItsOwn() throws IOException {
        Played played = play("in 100\nexpect 5\n");
        assertEquals(ProcessExit.EXPECTATION_FAILED, played.exit);
        assertTrue(played.output.endsWith("-:2: port 100 gave 0, expected 5\n"), played.output);
    }

    @Test
    void scriptsComeFromFilesToo(@TempDir Path dir) throws IOException {
        Path file = dir.resolve("t.script");
        Files.writeString(file, "in 100\nbogus\n");
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ProcessExit exit = ScriptMain.run(
                new String[] {"--script", file.toString()},
                new EchoDevice(),
                new ByteArrayInputStream(new byte[0]),
                new PrintStream(out, true, StandardCharsets.UTF_8));
        assertEquals(ProcessExit.BAD_CONFIGURATION, exit);
        assertTrue(out.toString(StandardCharsets.UTF_8).contains(file + ":2: 'bogus' is not a command"));
    }

    @Test
    void anEntryThatTheDeviceDoesNotKnow() {
        StageException wrong = assertThrows(
                StageException.class,
                () -> ScriptMain.run(
                        new String[] {"--script", "-", "--set", "0.foo=1"},
                        new EchoDevice(),
                        new ByteArrayInputStream(new byte[0]),
                        System.out));
        assertEquals(ProcessExit.BAD_CONFIGURATION, wrong.exit());
        assertTrue(String.valueOf(wrong.getMessage()).startsWith("--set 0.foo: the device knows no such entry"));
    }

    @Test
    void aPrefixThatNothingBeginsWith() throws Exception {
        Played played = play("state nonsense\n");
        assertEquals(ProcessExit.BAD_CONFIGURATION, played.exit());
        assertTrue(played.output().contains("no field of the state begins with 'nonsense'"), played.output());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--jail=maybe | --jail=maybe; allowed are off, log, enforce",
                "--frob | '--frob' is not an option, or lacks its value; see --help",
                "--set | '--set' is not an option, or lacks its value; see --help",
            })
    void wrongOptionsAreNamed(String option, String message) {
        StageException e = assertThrows(StageException.class, () -> play("", option));
        assertEquals(message, e.getMessage());
        assertEquals(ProcessExit.BAD_CONFIGURATION, e.exit());
    }

    @Test
    void everyCommandIsInTheHelp() throws IOException {
        Played played = play("help\n");
        for (ScriptCommand command : ScriptCommand.values()) {
            assertTrue(played.output.contains("  " + command.word() + " "), command + " in\n" + played.output);
        }
    }
}
