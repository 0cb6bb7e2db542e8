package io.jvmm.device.api;

import io.jvmm.device.api.trace.CoreReplay;
import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.ring.HardenedReader;
import io.jvmm.ipc.sys.ExitStatus;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.trace.LifeSummary;
import io.jvmm.ipc.trace.TraceBuffer;
import io.jvmm.ipc.trace.TraceFileWriter;
import io.jvmm.ipc.trace.TraceFormatException;
import io.jvmm.ipc.trace.TraceRing;
import io.jvmm.policy.jail.FdMapping;
import io.jvmm.policy.jail.Jail;
import io.jvmm.policy.jail.JailedProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A device's real program in a process of its own, with its launch file and under its narrow filter, but without an AOT cache: what
 * it has not loaded when the filter closes it never can. For tests, which look at how it ends.
 */
public final class ScratchProgram {
    private static final Path FILTERS = Path.of("../../policies/target/policies");
    private static final Path LAUNCH_FILES = Path.of("src/main/launch");
    private static final int STANDARD_ERROR = 2;
    private static final int CONTROL = 3;

    private ScratchProgram() {}

    /**
     * Boots the program with the factory's example configuration and scratch descriptors, exercises it and stops it.
     *
     * @param main the program
     * @param rounds how often it is exercised
     * @return how it ended: by its own exit when all went well, by SIGSYS when it did what its filter forbids
     */
    public static ExitStatus live(DeviceFactory factory, Class<?> main, int rounds) throws IOException {
        return life(factory, main, new TraceBuffer(), (supervisor, pid) -> {
            supervisor.boot(narrow(factory), entries(factory));
            supervisor.awaitReady();
            serve(supervisor, factory, pid, rounds);
        });
    }

    /**
     * The same for a process that waits as a spare first, under its filter for that, and is recorded when it serves. What it did is lived again here,
     * and then by the program under its filter; the end of that is what is given.
     *
     * @throws IllegalStateException when the recorded life is not whole, or not the same the second time
     */
    public static ExitStatus liveAsSpare(DeviceFactory factory, Class<?> main, int rounds) throws IOException {
        TraceBuffer trace = new TraceBuffer();
        ExitStatus end = life(factory, main, trace, (supervisor, pid) -> {
            supervisor.record(true);
            supervisor.bootStandby(filter("standby"), narrow(factory));
            supervisor.awaitReady();
            confined(pid);
            supervisor.request(SupervisorRequestType.PING);
            long startNs = System.nanoTime();
            supervisor.assign(entries(factory));
            supervisor.awaitReady();
            System.out.println(factory.name() + ": a spare took over in " + (System.nanoTime() - startNs) / 1_000
                    + " us; " + supervisor.log().lastLine);
            serve(supervisor, factory, pid, rounds);
        });
        if (end.equals(new ExitStatus.Exited(ProcessExit.STOPPED.code()))) {
            liveAgain(factory, trace);
            return replay(factory, main, trace);
        }
        return end;
    }

    /** The program again, which lives that life under its filter. */
    private static ExitStatus replay(DeviceFactory factory, Class<?> main, TraceBuffer trace) throws IOException {
        Path file = Files.createTempFile("jvmm", ".jtrace");
        try {
            try (TraceFileWriter writer = new TraceFileWriter(file)) {
                for (byte[] batch : trace.batches()) {
                    writer.publish(new UnsafeBuffer(batch), batch.length);
                }
            }
            try (Fd nothing = FileIo.open(Path.of("/dev/null"), FileIo.READ_WRITE, 0)) {
                return spawn(factory.name(), main, nothing, "--replay", file.toString(), "--jail=enforce")
                        .pidfd()
                        .await();
            }
        } finally {
            Files.delete(file);
        }
    }

    private static void liveAgain(DeviceFactory factory, TraceBuffer trace) throws IOException {
        try {
            LifeSummary summary = LifeSummary.of(trace.source());
            try (CoreReplay replay = new CoreReplay(factory, trace.source(), CoreReplay.Watcher.NONE)) {
                CoreReplay.Result result = replay.run();
                if (!result.same() || summary.hasGap() || !summary.ended() || summary.lastTransaction() == 0) {
                    throw new IllegalStateException("not the same life: " + result);
                }
                System.out.println(factory.name() + ": lived again: " + result);
            }
        } catch (TraceFormatException e) {
            throw new IllegalStateException("no life was recorded: " + e.getMessage(), e);
        }
    }

    /** What the supervisor of a test does. */
    private interface Script {
        void run(ScratchSupervisor supervisor, int pid) throws IOException;
    }

    private static ExitStatus life(DeviceFactory factory, Class<?> main, TraceBuffer trace, Script script)
            throws IOException {
        try (ScratchSupervisor supervisor = new ScratchSupervisor(factory, 0)) {
            JailedProcess process = spawn(factory.name(), main, supervisor.deviceControl());
            try {
                script.run(supervisor, process.pid());
            } catch (IllegalStateException e) {
                Optional<ExitStatus> end = process.pidfd().peek();
                if (end.isEmpty()) {
                    throw e;
                }
            } finally {
                if (process.pidfd().peek().isEmpty()) {
                    supervisor.die();
                }
            }
            ExitStatus end = process.pidfd().await();
            take(supervisor.trace(), trace);
            return end;
        }
    }

    /** All that was recorded; the ring is large enough for a short life. */
    private static void take(@Nullable TraceRing ring, TraceBuffer trace) {
        if (ring != null) {
            HardenedReader reader = ring.reader(0);
            while (reader.next()) {
                trace.publish(reader.message(), reader.length());
                reader.release();
            }
        }
    }

    private static void serve(ScratchSupervisor supervisor, DeviceFactory factory, int pid, int rounds)
            throws IOException {
        confined(pid);
        supervisor.request(SupervisorRequestType.START);
        LiveExercise machine = new LiveExercise(supervisor);
        for (int i = 0; i < rounds; i++) {
            factory.exercise(machine);
        }
        supervisor.request(SupervisorRequestType.PAUSE);
        supervisor.request(SupervisorRequestType.RESUME);
        supervisor.request(SupervisorRequestType.PING);
        supervisor.request(SupervisorRequestType.STOP);
    }

    private static byte[] narrow(DeviceFactory factory) throws IOException {
        return filter(factory.name());
    }

    private static byte[] filter(String name) throws IOException {
        return Files.readAllBytes(FILTERS.resolve(name + ".bpf"));
    }

    /** The filter is closed, or the test would show nothing; proc(5). */
    private static void confined(int pid) throws IOException {
        if (!Files.readAllLines(Path.of("/proc/" + pid + "/status")).contains("Seccomp:\t2")) {
            throw new AssertionError("process " + pid + " has no filter");
        }
    }

    private static JailedProcess spawn(String name, Class<?> main, Fd control, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "@" + LAUNCH_FILES.resolve(name + ".launch"),
                "--add-exports=java.base/jdk.internal.misc=ALL-UNNAMED",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("surefire.test.class.path", System.getProperty("java.class.path", "")),
                main.getName()));
        command.addAll(List.of(arguments));
        try (Fd nothing = FileIo.open(Path.of("/dev/null"), FileIo.READ_WRITE, 0)) {
            return Jail.spawnUnconfined(
                    name,
                    command,
                    Map.of(),
                    List.of(
                            FdMapping.of(nothing, 0),
                            FdMapping.of(nothing, 1),
                            new FdMapping(STANDARD_ERROR, STANDARD_ERROR),
                            FdMapping.of(control, CONTROL)));
        }
    }

    /** The example configuration as keys and values: those that the device asks for. */
    private static String[] entries(DeviceFactory factory) {
        DeviceConfig example = factory.exampleConfig();
        Map<String, String> asked = new TreeMap<>();
        factory.identity(key -> {
            Optional<String> value = example.find(key);
            value.ifPresent(text -> asked.put(key, text));
            return value;
        });
        List<String> entries = new ArrayList<>();
        asked.forEach((key, value) -> {
            entries.add(key);
            entries.add(value);
        });
        return entries.toArray(String[]::new);
    }
}
