package io.jvmm.it.bench;

import io.jvmm.it.DebianMachine;
import io.jvmm.it.LinuxProcess;
import io.jvmm.it.Machine;
import io.jvmm.supervisor.demo.DemoGuest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** From exec of the supervisor to the first guest instruction, and what it costs in time, CPU and memory. */
final class StartBench {
    private static final int RUNS = 11;
    private static final List<String> CHILDREN = List.of("vcpu", "serial", "platform");
    /** A device of each class. */
    private static final String EVERYTHING = """
            [[net]]
            backend = "none"
            [console]
            backend = "none"
            [rng]
            [balloon]
            [[vsock]]
            cid = 3
            path = "v.sock"
            """;

    private static final List<String> DEVICES =
            List.of("serial", "platform", "block", "net", "console", "rng", "balloon", "vsock");
    private static final Pattern READY = Pattern.compile("\\[(\\w+)\\] ready .*?(\\d+) ms after");
    private static final Pattern FIRST = Pattern.compile("first guest instruction at (\\d+) ns");
    private static final Pattern STAGE = Pattern.compile("jvmm: ([\\w, ]+) after (\\d+) ms");
    private static final double TICK_MS = 10;
    private static final long SETTLE_S = 10;

    private final Table table;
    private final Path directory;

    StartBench(Table table, Path directory) {
        this.table = table;
        this.directory = directory;
    }

    void run() throws IOException, InterruptedException {
        String toml =
                "[machine]\nmemory = \"64M\"\n[boot]\nkernel = \"%s\"\n".formatted(DemoGuest.writeImage(directory));
        Map<String, double[]> samples = new LinkedHashMap<>();
        for (int run = -1; run < RUNS; run++) {
            long start = System.nanoTime();
            try (Machine machine =
                    Machine.with(directory, toml).arguments("--verbose").run()) {
                machine.console().await("jvmm monitor", Machine.PATIENCE);
                double banner = (System.nanoTime() - start) / 1e6;
                double cpu = cpuMs(machine);
                machine.console().await("> ", Machine.PATIENCE);
                String said = machine.messages().text();
                if (run >= 0) {
                    put(samples, run, "exec to the guest's first output", banner);
                    put(samples, run, "CPU of all processes until then", cpu);
                    put(
                            samples,
                            run,
                            "CPU of the supervisor",
                            cpuMs(machine.handle().pid()));
                    for (String child : CHILDREN) {
                        put(samples, run, "CPU of " + child, cpuMs(machine.child(child)));
                    }
                    readTimes(samples, run, said, start);
                }
                machine.type("off\r");
                machine.awaitExit();
            }
        }
        table.heading("Start of a machine with serial and platform devices (median of " + RUNS + ")");
        samples.forEach((what, values) -> table.row(what, Table.number(LinkBench.median(values), 0) + " ms", ""));
        table.heading(
                "Memory of each process of a stock guest with every device, idle at its prompt (proportional set size)");
        memory();
    }

    private static void put(Map<String, double[]> samples, int run, String what, double value) {
        samples.computeIfAbsent(what, w -> new double[RUNS])[run] = value;
    }

    private static void readTimes(Map<String, double[]> samples, int run, String said, long startNs) {
        Matcher first = FIRST.matcher(said);
        if (first.find()) {
            // Both are the kernel's monotonic clock.
            put(samples, run, "exec to the first guest instruction", (Long.parseLong(first.group(1)) - startNs) / 1e6);
        }
        Matcher stage = STAGE.matcher(said);
        while (stage.find()) {
            put(samples, run, "supervisor: " + stage.group(1), Double.parseDouble(stage.group(2)));
        }
        Matcher ready = READY.matcher(said);
        while (ready.find()) {
            put(samples, run, ready.group(1) + ": start to READY", Double.parseDouble(ready.group(2)));
        }
    }

    private static double cpuMs(Machine machine) {
        return processes(machine).mapToDouble(StartBench::cpuMs).sum();
    }

    /** User and system time, proc(5). */
    private static double cpuMs(long pid) {
        String stat = LinuxProcess.stat(pid);
        String[] fields = stat.substring(stat.lastIndexOf(')') + 1).strip().split(" ", -1);
        return fields.length < 13 ? 0 : (Long.parseLong(fields[11]) + Long.parseLong(fields[12])) * TICK_MS;
    }

    private static Stream<Long> processes(Machine machine) {
        return Stream.concat(
                Stream.of(machine.handle().pid()),
                machine.handle().descendants().map(ProcessHandle::pid));
    }

    private void memory() throws InterruptedException {
        // Each device has a driver of the guest's, has served it, and has nothing to do now.
        try (DebianMachine machine = DebianMachine.boot(directory, EVERYTHING)) {
            TimeUnit.SECONDS.sleep(SETTLE_S);
            Map<String, ProcessMemory> memory = new TreeMap<>();
            memory.put("supervisor", ProcessMemory.of(machine.machine().handle().pid()));
            memory.put("vcpu", ProcessMemory.of(machine.machine().child("vcpu")));
            for (String device : DEVICES) {
                memory.put(device, ProcessMemory.of(machine.machine().child(device)));
            }
            memory.forEach((name, one) -> table.row(name, one.pss(), one.details()));
            machine.powerOff();
        } catch (IOException | AssertionError e) {
            table.row("memory", "-", String.valueOf(e.getMessage()));
        }
    }
}
