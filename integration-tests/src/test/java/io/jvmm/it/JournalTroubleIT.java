package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A recorder that has its troubles: the machine goes on, somebody is told once, and what is kept is whole. */
@Tag("boot")
@Tag("jail")
@Tag("fault")
class JournalTroubleIT extends MachineTest {
    private static final int SIGSTOP = 19;
    private static final int SIGKILL = 9;
    /** Less than a recorder of two devices wants to have left. */
    private static final long LEFT_BYTES = 3 << 20;

    @Override
    protected void requirements() {
        // Either processor will do.
    }

    private String toml(String directory, String lifecycle) throws IOException {
        return monitorToml("""
                journal = true
                [platform]
                journal = true
                [control]
                socket = "control"
                [lifecycle]
                %s
                [journal]
                directory = "%s"
                """.formatted(lifecycle, directory)).replace("\"kvm\"", "\"auto\"");
    }

    private Ctl ctl() {
        return new Ctl(dir.resolve("control"));
    }

    /** The recorder, once it has begun a life of the serial device. */
    private long recording() throws Exception {
        Ctl.Said status = ctl().done("--json", "journal", "status");
        for (int n = 0; n < 600 && !status.text().matches("(?s).*\"device\":\"serial\",\"life\":[1-9].*"); n++) {
            Transcript.pause(100);
            status = ctl().done("--json", "journal", "status");
        }
        return status.number("recorder");
    }

    private void off(Machine machine) throws Exception {
        machine.type("off\r");
        assertEquals(0, machine.awaitExit(), machine.messages().text());
    }

    private List<String> verified(String directory) throws Exception {
        Journal.Said said =
                Journal.program("jvmm-journal", "verify", dir.resolve(directory).toString());
        assertEquals(0, said.status(), said.text());
        return said.text().lines().toList();
    }

    /** The ring of a device that is busy at once would run over while the recorder's program comes up. */
    @Test
    void nothingRunsUnrecordedWhileTheRecorderComesUp() throws Exception {
        try (Machine machine = Machine.with(dir, toml("journal", "")).run().awaitPrompt()) {
            for (String device : List.of("platform", "serial")) {
                String status = ctl().done("--json", "journal", "status").text();
                assertTrue(status.contains("\"" + device + "\",\"life\":1,"), status);
                String batches = "(?s).*\"" + device + "\",\"life\":1,\"batches\":[1-9].*";
                for (int n = 0; n < 600 && !status.matches(batches); n++) {
                    Transcript.pause(100); // the recorder may have got no processor since
                    status = ctl().done("--json", "journal", "status").text();
                }
                assertTrue(status.matches(batches), status);
            }
            off(machine);
        }
        Machine.Start second = Machine.with(dir, toml("later", "").replace("journal = true\n", ""));
        try (Machine machine = second.run().awaitPrompt()) {
            assertTrue(ctl().done("journal", "start", "serial").text().contains("serial is recorded"));
            String status = ctl().done("--json", "journal", "status").text();
            assertTrue(status.matches("(?s).*\"device\":\"serial\",\"life\":1,\"batches\".*"), status);
            assertTrue(ctl().done("journal", "rotate", "serial").text().contains("serial lives its next life"));
            status = ctl().done("--json", "journal", "status").text();
            assertTrue(status.matches("(?s).*\"device\":\"serial\",\"life\":2,\"batches\".*"), status);
            off(machine);
        }
    }

    @Test
    void aFrozenRecorderIsNoticedByItselfAndReplaced() throws Exception {
        try (Machine machine = Machine.with(dir, toml("journal", "hang_timeout_ms = 4000"))
                .run()
                .awaitPrompt()) {
            long frozen = recording();
            Machine.kill(frozen, SIGSTOP);
            machine.ask("in 3fd"); // its devices do not wait for it
            machine.awaitMessage("the recorder has not answered for ");
            machine.awaitMessage("Another one is started.");
            machine.ask("in 3fd");
            assertNotEquals(frozen, recording());
            off(machine);
            assertFalse(machine.messages().text().contains("replaced after"), machine.messages()::text);
        }
        assertEquals(2, verified("journal").size());
        Journal.assertLivedAgain(dir.resolve("journal"));
    }

    /** The next one is a second away when the machine ends: it is started at once, for what is in the rings. */
    @Test
    void whatWasDoneWhileThereWasNoRecorderIsKeptWhenTheMachineEnds() throws Exception {
        try (Machine machine = Machine.with(dir, toml("journal", "")).run().awaitPrompt()) {
            long first = recording();
            Machine.kill(first, SIGKILL);
            machine.awaitMessage("Another one is started.");
            long second = recording();
            assertNotEquals(first, second);
            machine.ask("in 3fd");
            Machine.kill(second, SIGKILL);
            machine.ask("in 3fd");
            off(machine);
            assertFalse(machine.messages().text().contains("are missing"), machine.messages()::text);
        }
        for (String line : verified("journal")) {
            assertTrue(line.contains(", ended with 0, final state "), line);
        }
        Journal.assertLivedAgain(dir.resolve("journal"));
    }

    @Test
    void whatWasDrainedEndsInGoodOrderAndWhatWasSaidOutlivesAReset() throws Exception {
        String toml = toml("journal", "").replace("on_reset = \"exit\"", "on_reset = \"restart\"");
        try (Machine machine = Machine.with(dir, toml).run().awaitPrompt()) {
            ctl().done("journal", "rotate", "serial");
            ctl().done("journal", "stop", "platform");
            machine.ask("in 3fd");
            assertTrue(ctl().done("top", "--once").text().contains("recorder"));
            machine.type("reset\r");
            machine.awaitPrompt();
            String status = ctl().done("--json", "journal", "status").text();
            assertTrue(status.contains("\"device\":\"serial\""), status);
            assertFalse(status.contains("\"device\":\"platform\""), status);
            off(machine);
        }
        List<String> lines = verified("journal");
        assertEquals(4, lines.size(), lines.toString()); // serial: before and after rotate, after the reset; platform
        for (String line : lines) {
            assertTrue(
                    line.matches(".*: whole: .*, (ended with 0|drained), final state crc32c:[0-9a-f]{8} behind [0-9]+"),
                    line);
        }
        Journal.assertLivedAgain(dir.resolve("journal"));
    }

    /** The directory lies on a disk of 64 MB that the test fills. */
    @Test
    void aFullDiskIsToldOnceAndTheMachineGoesOn() throws Exception {
        Host.requireRoot();
        Path disk = Files.createDirectory(dir.resolve("disk"));
        String[] mounted = {
            "unshare", "-m", "sh", "-c", "mount -t tmpfs -o size=64M none " + disk + " && exec \"$@\"", "sh"
        };
        try (Machine machine =
                Machine.with(dir, toml("disk/journal", "")).under(mounted).run().awaitPrompt()) {
            Path seen = Path.of("/proc/" + machine.handle().pid() + "/root" + disk);
            Path ballast = seen.resolve("ballast");
            long before = recording();
            fill(ballast, seen.toFile().getUsableSpace() - LEFT_BYTES);
            for (int n = 0; n < 200 && !machine.messages().text().contains("nothing is recorded"); n++) {
                machine.ask("in 3fd");
                Transcript.pause(50);
            }
            machine.awaitMessage("nothing is recorded for now: the disk of the journal directory has ");
            assertTrue(
                    ctl().done("journal", "status").text().contains("not recorded: the disk of the journal directory"));
            String refused = ctl().refused("journal", "rotate", "serial");
            assertTrue(refused.contains("serial: nothing can be recorded at the moment: the disk"), refused);
            refused = ctl().refused("journal", "start", "serial");
            assertTrue(
                    refused.contains("serial is to be recorded, but nothing can be recorded at the moment"), refused);
            Machine.kill(before, SIGKILL);
            machine.awaitMessage("the recorder could not be started: the disk of the journal directory");
            machine.ask("in 3fd");
            Files.delete(ballast);
            machine.awaitMessage("recording goes on");
            machine.ask("in 3fd");
            String status = ctl().done("journal", "status").text();
            assertFalse(status.contains("not recorded"), status);
            off(machine);
            String said = machine.messages().text();
            assertEquals(1, said.split("nothing is recorded for now", -1).length - 1, said);
        }
    }

    /** Somebody takes the last page while the recorder writes: it does not die of it (SIGBUS), and what it has is whole. */
    @Test
    void aDiskThatFillsUpBetweenTwoLooksKillsNoRecorder() throws Exception {
        Host.requireRoot();
        Path disk = Files.createDirectory(dir.resolve("disk"));
        String[] mounted = {
            "unshare", "-m", "sh", "-c", "mount -t tmpfs -o size=64M none " + disk + " && exec \"$@\"", "sh"
        };
        try (Machine machine =
                Machine.with(dir, toml("disk/journal", "")).under(mounted).run().awaitPrompt()) {
            Path seen = Path.of("/proc/" + machine.handle().pid() + "/root" + disk);
            Path ballast = seen.resolve("ballast");
            long before = recording();
            fillUp(ballast);
            assertTrue(seen.toFile().getUsableSpace() < 1 << 16, "the disk is full");
            for (int n = 0; n < 200 && !machine.messages().text().contains("nothing is recorded"); n++) {
                machine.ask("in 3fd");
                Transcript.pause(20);
            }
            machine.awaitMessage("nothing is recorded for now: the disk of the journal directory has ");
            Files.delete(ballast);
            machine.awaitMessage("recording goes on");
            machine.ask("in 3fd");
            assertEquals(before, recording(), "the same recorder goes on");
            off(machine);
            assertFalse(machine.messages().text().contains("Another one is started"), machine.messages()::text);
        }
    }

    /** To the last page. */
    private static void fillUp(Path file) {
        try {
            fill(file, Long.MAX_VALUE);
        } catch (IOException e) {
            assertEquals("No space left on device", e.getMessage());
        }
    }

    private static void fill(Path file, long bytes) throws IOException {
        byte[] block = new byte[1 << 16];
        try (OutputStream out = Files.newOutputStream(file)) {
            for (long done = 0; done < bytes; done += block.length) {
                out.write(block);
            }
        }
    }

    /** All of it, and then one device's part: what is recorded from then on is in new lives, and nobody is blamed. */
    @Test
    void whatIsRemovedWhileItIsWrittenIsToldAndBegunAnew() throws Exception {
        Path journal = dir.resolve("journal");
        try (Machine machine = Machine.with(dir, toml("journal", "")).run().awaitPrompt()) {
            long first = recording();
            machine.ask("in 3fd");
            DebianMachine.host("rm", "-r", journal.toString());
            for (int n = 0; n < 200 && !machine.messages().text().contains("has been removed"); n++) {
                machine.ask("in 3fd");
                Transcript.pause(50);
            }
            machine.awaitMessage("the journal directory has been removed, and what was recorded in it is lost");
            machine.awaitMessage("the recorder is there again: recording goes on.");
            awaitLife(journal.resolve("serial/life-000002"), machine);
            awaitLife(journal.resolve("platform/life-000002"), machine);
            assertTrue(recording() != first);
            assertTrue(Files.exists(journal.resolve("lock")), "no other machine may come");
            DebianMachine.host("rm", "-r", journal.resolve("serial").toString());
            awaitLife(journal.resolve("serial/life-000003"), machine); // a number is not used again
            machine.ask("in 3fd");
            off(machine);
            assertFalse(machine.messages().text().contains("breaks the protocol"), machine.messages()::text);
        }
        List<String> lines = verified("journal");
        assertTrue(lines.stream().anyMatch(l -> l.startsWith("platform, life 1: whole: 0 batches, ")), lines::toString);
        assertTrue(
                lines.stream().anyMatch(l -> l.matches("serial, life 3: whole: .*, ended with 0, .*")),
                lines::toString);
        Journal.Said replayed = Journal.program("jvmm-replay", "--journal", journal.toString(), "--times", "2");
        assertEquals(0, replayed.status(), replayed.text());
    }

    /** Somebody looks at the devices meanwhile, so that there is something to record. */
    private static void awaitLife(Path life, Machine machine) throws Exception {
        for (int n = 0; n < 600 && !Files.exists(life.resolve("part-000")); n++) {
            machine.ask("in 3fd");
            Transcript.pause(50);
        }
        assertTrue(
                Files.exists(life.resolve("part-000")),
                () -> life + "\n" + machine.messages().text());
    }

    @Test
    void anOrdinaryUserRecordsToo() throws Exception {
        Host.requireRoot();
        Path own = Files.createDirectory(dir.resolve("own"));
        monitor();
        try (Stream<Path> all = Files.walk(dir)) {
            for (Path each : all.toList()) {
                Files.setPosixFilePermissions(each, PosixFilePermissions.fromString("rwxr-xr-x"));
            }
        }
        Files.setAttribute(own, "unix:uid", 65534);
        String toml = toml("own/journal", "").replace("socket = \"control\"", "socket = \"none\"");
        try (Machine machine = Machine.with(dir, toml)
                .under(OtherUser.nobodyWithoutKvm())
                .run()
                .awaitPrompt()) {
            machine.ask("in 3fd");
            off(machine);
        }
        assertEquals(2, verified("own/journal").size());
        // And where it may not write, one line says whose it is.
        Path others = Files.createDirectory(dir.resolve("others"));
        try (Machine machine = Machine.with(dir, toml.replace("own/journal", "others"))
                .under(OtherUser.nobodyWithoutKvm())
                .run()
                .awaitPrompt()) {
            machine.awaitMessage(others + " belongs to uid 0 and cannot be written to by uid 65534");
            machine.ask("in 3fd");
            off(machine);
        }
    }

    @Test
    void checkKnowsTheRecorder() throws Exception {
        Machine.with(dir, toml("journal", ""));
        String config = dir.resolve("vm.toml").toString();
        Journal.Said check = Journal.program("jvmm-supervisor", "--check", "--config", config);
        assertEquals(0, check.status(), check.text());
        assertTrue(check.text().contains("from the start: platform, serial"), check.text());
        assertTrue(check.text().contains("\nrecorder "), check.text());
        Files.createDirectories(dir.resolve("journal"));
        Files.writeString(dir.resolve("journal/letters"), "not yours");
        check = Journal.program("jvmm-supervisor", "--check", "--config", config);
        assertNotEquals(0, check.status(), check.text());
        assertTrue(check.text().contains("holds letters, which is no part of a journal"), check.text());
        assertEquals("not yours", Files.readString(dir.resolve("journal/letters")));
    }
}
