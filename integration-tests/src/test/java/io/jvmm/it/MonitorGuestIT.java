package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import io.jvmm.supervisor.demo.DemoGuest;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The project's own guest on KVM: serial port, clock, reset, power, debug console. */
@Tag("kvm")
@Tag("boot")
class MonitorGuestIT extends MachineTest {
    private static final DateTimeFormatter CLOCK = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss");
    private static final int CTRL_D = 4;
    private static final int SIGTERM = 15;

    @Test
    void runsAndPowersOff() throws Exception {
        try (Machine machine = startMonitor().awaitPrompt()) {
            assertTrue(machine.ask("help").contains("power off through ACPI"));
            machine.type("off\r");
            assertEquals(0, machine.awaitExit());
        }
    }

    @Test
    void loaderTellsTheGuestEverything() throws Exception {
        byte[] initrd = new byte[5000];
        Arrays.fill(initrd, (byte) 3);
        Path initrdFile = Files.write(dir.resolve("initrd"), initrd);
        String toml = """
                [machine]
                memory = "64M"
                [boot]
                kernel = "%s"
                initrd = "%s"
                cmdline = "one two=three"
                """.formatted(monitor(), initrdFile);
        try (Machine machine = Machine.with(dir, toml).run().awaitPrompt()) {
            String answer = machine.ask("boot");
            assertTrue(answer.contains("one two=three"), answer);
            assertTrue(answer.contains("initrd: 5000 bytes, sum 00003a98"), answer);
            long ram = answer.lines()
                    .filter(line -> line.startsWith("memory: ") && line.endsWith("type 1"))
                    .mapToLong(line -> Long.parseUnsignedLong(line.split(" ", -1)[2], 16))
                    .sum();
            assertTrue(ram > 60L << 20 && ram <= 64L << 20, answer);
            powerOff(machine);
        }
    }

    /** The same guest through its 32-bit PVH entry. */
    @Test
    void pvh() throws Exception {
        String toml = """
                [machine]
                memory = "64M"
                [boot]
                kernel = "%s"
                cmdline = "by pvh"
                """.formatted(DemoGuest.writePvhImage(dir));
        try (Machine machine = Machine.with(dir, toml).run().awaitPrompt()) {
            assertTrue(machine.ask("boot").contains("by pvh"));
            powerOff(machine);
        }
    }

    /** Every byte typed comes back, though the screen is slower than the keyboard. */
    @Test
    void echoThroughTheFifoLosesNothing() throws Exception {
        long seed = TestSeed.next();
        byte[] text = new byte[20_000];
        Random random = new Random(seed);
        for (int i = 0; i < text.length; i++) {
            // Neither the guest's end mark nor the console's escape key.
            int b;
            do {
                b = random.nextInt(256);
            } while (b == CTRL_D || b == 1);
            text[i] = (byte) b;
        }
        try (Machine machine = startMonitor().awaitPrompt()) {
            machine.type("cat\r");
            machine.console().await("cat\r\n", Machine.PATIENCE);
            CompletableFuture<Void> typing = CompletableFuture.runAsync(() -> {
                try {
                    machine.type(text);
                } catch (java.io.IOException e) {
                    throw new java.io.UncheckedIOException(e);
                }
            });
            byte[] echo = machine.console().await(text.length, Machine.PATIENCE);
            typing.join();
            assertArrayEquals(text, echo);
            machine.type(new byte[] {CTRL_D});
            machine.console().await("> ", Machine.PATIENCE);
            String uart = machine.ask("uart");
            assertTrue(uart.contains("errors 0"), uart);
            powerOff(machine);
        }
    }

    /** The host stops reading: the guest has to wait, and then nothing is missing. */
    @Test
    void slowReaderLosesNothing() throws Exception {
        String toml = monitorToml("").replace("backend = \"terminal\"", "backend = \"socket\"\npath = \"com1\"");
        Path socket = dir.resolve("com1");
        try (Machine machine = Machine.with(dir, toml).run();
                UnixPeer peer = UnixPeer.connect(socket, Machine.PATIENCE)) {
            peer.await("> ", Machine.PATIENCE);
            peer.write("flood 4000\r");
            // More output than every buffer between guest and us can hold.
            Transcript.pause(1500);
            String text = peer.await("> ", Duration.ofMinutes(2));
            for (int line : new int[] {0, 1, 1999, 3999}) {
                assertTrue(
                        text.contains("%08d 0123456789abcdefghijklmnopqrstuvwxyz\r\n".formatted(line)), "line " + line);
            }
            assertEquals(4000, text.lines().filter(l -> l.endsWith("xyz")).count());
            peer.write("off\r");
            assertEquals(0, machine.awaitExit());
        }
    }

    @Test
    void clockIsTheHosts() throws Exception {
        try (Machine machine = startMonitor().awaitPrompt()) {
            LocalDateTime guest = LocalDateTime.parse(machine.ask("time").strip(), CLOCK);
            LocalDateTime host = LocalDateTime.now(ZoneOffset.UTC);
            long apart = Math.abs(Duration.between(guest, host).toSeconds());
            assertTrue(apart <= 10, "guest " + guest + ", host " + host);
            powerOff(machine);
        }
    }

    @Test
    void clockStartsWhereConfigured() throws Exception {
        String toml = monitorToml("""
                [platform]
                rtc = 951782395
                """);
        try (Machine machine = Machine.with(dir, toml).run().awaitPrompt()) {
            String time = machine.ask("time").strip();
            assertTrue(time.startsWith("2000-02-28 23:59:") || time.startsWith("2000-02-29 00:0"), time);
            powerOff(machine);
        }
    }

    /** MC146818: the periodic interrupt comes at its rate. A busy host may lose some, it never adds any. */
    @Test
    void periodicInterrupts() throws Exception {
        try (Machine machine = startMonitor().awaitPrompt()) {
            int most = 0;
            for (int n = 0; n < 20 && most < 60; n++) {
                String answer = machine.ask("tick");
                int ticks = Integer.parseInt(answer.strip().split(" ", 2)[0]);
                assertTrue(ticks <= 66, answer);
                most = Math.max(most, ticks);
            }
            assertTrue(most >= 60, most + " ticks");
            powerOff(machine);
        }
    }

    @Test
    void absentPortsReadAllOnes() throws Exception {
        try (Machine machine = startMonitor().awaitPrompt()) {
            assertEquals("ff", machine.ask("in 1f7").strip());
            assertEquals("ffff", machine.ask("inw 1f0").strip());
            assertEquals("ffffffff", machine.ask("inl d00").strip());
            machine.ask("out 80 12");
            powerOff(machine);
        }
    }

    @Test
    void debugConsole() throws Exception {
        Path log = dir.resolve("debug.log");
        String toml = monitorToml("""
                [platform]
                debug_console = "%s"
                """.formatted(log));
        try (Machine machine = Machine.with(dir, toml).run().awaitPrompt()) {
            machine.ask("debug hello there");
            assertEquals("e9", machine.ask("in 402").strip());
            powerOff(machine);
        }
        assertEquals("hello there\n", Files.readString(log, StandardCharsets.US_ASCII));
    }

    @Test
    void resetEndsTheMachineWhereConfigured() throws Exception {
        for (String command : new String[] {"reset", "cf9"}) {
            try (Machine machine = startMonitor().awaitPrompt()) {
                machine.type(command + "\r");
                assertEquals(0, machine.awaitExit(), command);
            }
        }
    }

    @Test
    void resetStartsTheMachineAnew() throws Exception {
        String toml = monitorToml("").replace("on_reset = \"exit\"", "on_reset = \"restart\"");
        try (Machine machine = Machine.with(dir, toml).run().awaitPrompt()) {
            machine.type("reset\r");
            machine.awaitPrompt();
            machine.type("cf9\r");
            machine.awaitPrompt();
            assertTrue(machine.ask("uart").contains("ports 1"));
            powerOff(machine);
        }
    }

    @Test
    void tripleFaultIsACrash() throws Exception {
        try (Machine machine = startMonitor().awaitPrompt()) {
            machine.type("crash\r");
            assertEquals(1, machine.awaitExit());
            assertTrue(
                    machine.messages().text().contains("crash"),
                    machine.messages().text());
        }
    }

    @Test
    void sigtermPressesThePowerButton() throws Exception {
        try (Machine machine = startMonitor().awaitPrompt()) {
            machine.signal(SIGTERM);
            machine.console().await("power button: powering off", Machine.PATIENCE);
            assertEquals(0, machine.awaitExit());
        }
    }

    /** The level-triggered SCI comes again after it was served once. */
    @Test
    void powerButtonTwice() throws Exception {
        try (Machine machine = startMonitor().awaitPrompt()) {
            machine.ask("button");
            machine.signal(SIGTERM);
            machine.console().await("power button\r\n> ", Machine.PATIENCE);
            assertEquals("0000", machine.ask("inw 600").strip());
            powerOff(machine);
        }
    }

    @Test
    void deafGuestIsKilledAfterTheDeadline() throws Exception {
        String toml = monitorToml("""
                [lifecycle]
                power_button_timeout_s = 1
                """);
        try (Machine machine = Machine.with(dir, toml).run().awaitPrompt()) {
            machine.type("hang\r");
            machine.console().await("hang\r\n", Machine.PATIENCE);
            machine.signal(SIGTERM);
            assertEquals(5, machine.awaitExit());
        }
    }

    @Test
    void secondSigintKillsAtOnce() throws Exception {
        try (Machine machine = startMonitor().awaitPrompt()) {
            machine.type("hang\r");
            machine.console().await("hang\r\n", Machine.PATIENCE);
            machine.signal(2);
            machine.awaitMessage("(once more kills it)"); // two at once are one
            machine.signal(2);
            assertEquals(5, machine.awaitExit());
            String said = machine.messages().text();
            assertTrue(said.contains("second SIGINT: the machine has been killed."), said);
        }
    }

    /** A machine that waits for input does not spin: its processes sleep on their doorbells, the vCPU in KVM's HLT. */
    @Test
    void idleMachineSleeps() throws Exception {
        try (Machine machine = startMonitor().awaitPrompt()) {
            Transcript.pause(2000);
            // 400 ticks of 10 ms would be one spinning thread; a tenth of that is far more than what timers need.
            // On a busy host the end of the start may be in the first windows; what spins is in all of them.
            long least = Long.MAX_VALUE;
            for (int window = 0; window < 8 && least >= 40; window++) {
                long before = cpuTicks(machine);
                Transcript.pause(4000);
                least = Math.min(least, cpuTicks(machine) - before);
            }
            assertTrue(least < 40, least + " ticks of CPU in four idle seconds");
            powerOff(machine);
        }
    }

    /** User and system time of all processes, proc(5). */
    private static long cpuTicks(Machine machine) {
        return Stream.concat(Stream.of(machine.handle()), machine.handle().descendants())
                .mapToLong(p -> {
                    String stat = LinuxProcess.stat(p.pid());
                    String[] fields =
                            stat.substring(stat.lastIndexOf(')') + 1).strip().split(" ", -1);
                    return fields.length < 13 ? 0 : Long.parseLong(fields[11]) + Long.parseLong(fields[12]);
                })
                .sum();
    }

    private static void powerOff(Machine machine) throws Exception {
        machine.type("off\r");
        assertEquals(0, machine.awaitExit(), machine.messages().text());
    }
}
