package io.jvmm.it.bench;

import io.jvmm.it.Machine;
import io.jvmm.supervisor.demo.DemoGuest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A register read as the guest sees it: the bare exit (a port that nobody claims, answered by the board) and, in turns, a
 * register of the serial device behind its link. QEMU's device in another process beside it, where it is installed.
 */
final class ExitBench {
    /** Many short rounds: one that lost its core to somebody else does not move the median. */
    private static final int ROUNDS = 41;

    private static final int READS = 100;
    private static final String UNCLAIMED = "80";
    private static final String SCRATCH_OF_COM1 = "3ff";

    private final Table table;
    private final Path directory;

    ExitBench(Table table, Path directory) {
        this.table = table;
        this.directory = directory;
    }

    void run() throws IOException, InterruptedException {
        table.heading("Register read by a guest on KVM");
        for (int spinUs : new int[] {10_000, 50, 0}) {
            measure(spinUs);
        }
        qemu();
    }

    private void measure(int spinUs) throws IOException, InterruptedException {
        String toml = """
                [machine]
                memory = "64M"
                [boot]
                kernel = "%s"
                [ipc]
                spin_us = %d
                """.formatted(DemoGuest.writeImage(directory), spinUs);
        try (Machine machine = Machine.with(directory, toml).run().awaitPrompt()) {
            pair(machine, UNCLAIMED, "exit alone", SCRATCH_OF_COM1, "exit and device process, spin_us = " + spinUs);
            machine.type("off\r");
            machine.awaitExit();
        }
    }

    /** Both in turns, once to warm up. */
    private void pair(Machine machine, String floorPort, String floorName, String port, String name)
            throws IOException {
        double[] floor = new double[ROUNDS];
        double[] device = new double[ROUNDS];
        GuestReads.nanoseconds(machine, port, READS);
        for (int i = 0; i < ROUNDS; i++) {
            floor[i] = GuestReads.nanoseconds(machine, floorPort, READS);
            device[i] = GuestReads.nanoseconds(machine, port, READS);
        }
        double bare = LinkBench.median(floor);
        double whole = LinkBench.median(device);
        table.nanoseconds(floorName, bare, "");
        table.nanoseconds(name, whole, "+" + Table.number(whole - bare, 0) + " ns");
    }

    private void qemu() throws IOException, InterruptedException {
        String name = "QEMU, device in another process (x-remote)";
        if (!onPath("qemu-system-x86_64") || !onPath("python3")) {
            table.row(name, "-", "not installed: apt-get install qemu-system-x86 python3");
            return;
        }
        String script;
        try (var in = ExitBench.class.getResourceAsStream("remote-device.py")) {
            script = new String(
                    java.util.Objects.requireNonNull(in).readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        }
        Path kernel = DemoGuest.writePvhImage(directory);
        try (Machine machine = Machine.program("python3", "-c", script, kernel.toString())
                .run()
                .awaitPrompt()) {
            // The device is at slot 5: where the firmware put its I/O registers, and switch them on.
            machine.ask("outl cf8 80002810");
            String port = Long.toHexString(Long.parseLong(machine.ask("inl cfc").strip(), 16) & ~3L);
            machine.ask("outl cf8 80002804");
            machine.ask("outl cfc 3");
            pair(machine, UNCLAIMED, "QEMU, exit alone", port, name);
        }
    }

    static boolean onPath(String program) {
        for (String directory : System.getenv().getOrDefault("PATH", "/usr/bin").split(":", -1)) {
            if (Files.isExecutable(Path.of(directory, program))) {
                return true;
            }
        }
        return false;
    }
}
