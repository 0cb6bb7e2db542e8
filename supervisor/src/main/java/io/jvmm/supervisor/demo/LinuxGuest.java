package io.jvmm.supervisor.demo;

import io.jvmm.supervisor.config.BootConfig;
import io.jvmm.supervisor.config.IpcConfig;
import io.jvmm.supervisor.config.JailConfig;
import io.jvmm.supervisor.config.LifecycleConfig;
import io.jvmm.supervisor.config.MachineConfig;
import io.jvmm.supervisor.config.MemorySize;
import io.jvmm.supervisor.config.PlatformConfig;
import io.jvmm.supervisor.config.RtcBase;
import io.jvmm.supervisor.config.SerialConfig;
import io.jvmm.supervisor.config.UidRange;
import io.jvmm.supervisor.config.VmConfig;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Consumer;

/**
 * The machine of {@code --demo}: Debian's stock cloud kernel and busybox, a shell on the terminal; with {@code --exec} one
 * command in the same guest instead.
 *
 * @param machine what to run
 * @param console where the console's text goes when the terminal does not show it
 * @param report where the guest says that it is up, and then the command's exit status
 */
public record LinuxGuest(VmConfig machine, Optional<Path> console, Path report) {
    private static final long MEMORY_BYTES = 512L << 20;
    private static final String CMDLINE = "console=ttyS0,115200 quiet loglevel=4 panic=-1";
    private static final String BUSYBOX = "busybox-static";
    private static final int LARGEST_STATUS = 255;
    private static final int LONGEST_REPORT = 4096;

    /**
     * Fetches what is not in the cache, assembles the initial ram disk in {@code directory} (which the supervisor made, mode 0700,
     * and removes afterwards) and describes the machine.
     *
     * @param command for the guest's shell; empty for an interactive one
     * @param vcpus processors
     * @param progress told in a line what is about to take time
     * @throws IOException with one line that says what to do
     */
    public static LinuxGuest prepare(
            Path directory, Optional<String> command, int vcpus, DebianPackages packages, Consumer<String> progress)
            throws IOException {
        progress.accept("asking apt for today's kernel");
        packages.lookUp(DebianKernel.Flavour.CLOUD.metaPackage(), BUSYBOX);
        Path kernel = new DebianKernel(packages).vmlinuz(DebianKernel.Flavour.CLOUD);
        Path busybox = packages.file(BUSYBOX, "bin/busybox", "busybox");
        Path initrd = writeInitramfs(directory.resolve("initramfs.cpio"), busybox, command);
        Optional<Path> console = command.map(_ -> directory.resolve("console.log"));
        Path report = directory.resolve("report");
        progress.accept("booting " + Objects.requireNonNull(kernel.getParent()).getFileName()
                + (command.isEmpty() ? ", a shell follows; leave with Ctrl-A x" : ""));
        List<SerialConfig> ports = command.isEmpty()
                ? List.of(
                        port(1, SerialConfig.Backend.TERMINAL, Optional.empty()),
                        port(2, SerialConfig.Backend.FILE, Optional.of(report)))
                : List.of(
                        port(1, SerialConfig.Backend.FILE, console),
                        port(2, SerialConfig.Backend.STDOUT, Optional.empty()),
                        port(3, SerialConfig.Backend.STDERR, Optional.empty()),
                        port(4, SerialConfig.Backend.FILE, Optional.of(report)));
        VmConfig machine = new VmConfig(
                new MachineConfig("demo", new MemorySize(MEMORY_BYTES), vcpus, MachineConfig.Engine.AUTO),
                new BootConfig(kernel, false, Optional.of(initrd), CMDLINE, BootConfig.OnReset.EXIT),
                ports,
                new PlatformConfig(new RtcBase.Utc(), Optional.empty()),
                new JailConfig(UidRange.STANDARD, JailConfig.Mode.ENFORCE, 128, 128),
                new IpcConfig(Duration.ofNanos(20_000), Duration.ofSeconds(1)),
                // Nobody in this guest hears the power button, for the kernel has that driver as a module.
                new LifecycleConfig(Duration.ofSeconds(60), Duration.ZERO),
                List.of());
        return new LinuxGuest(machine, console, report);
    }

    private static SerialConfig port(int number, SerialConfig.Backend backend, Optional<Path> path) {
        SerialConfig.Escape escape =
                backend == SerialConfig.Backend.TERMINAL ? SerialConfig.Escape.CTRL_A : SerialConfig.Escape.NONE;
        return new SerialConfig(number, backend, path, escape);
    }

    /** The exit status that the guest left, once it has powered off; empty when it left none. */
    public OptionalInt exitStatus() throws IOException {
        return Files.exists(report) ? parse(beginning(report)) : OptionalInt.empty();
    }

    /** Whether the guest's first program has begun. Any thread. */
    public boolean isUp() {
        try {
            return Files.size(report) > 0;
        } catch (IOException e) {
            // Its back end is not open yet.
            return false;
        }
    }

    /** A guest writes as much as it likes: what is longer than this is no report. */
    private static String beginning(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            return new String(in.readNBytes(LONGEST_REPORT), StandardCharsets.ISO_8859_1);
        }
    }

    static OptionalInt parse(String report) {
        List<String> lines = report.lines().toList();
        String number = lines.size() == 2 ? lines.get(1).strip() : "";
        return number.matches("\\d{1,3}") && Integer.parseInt(number) <= LARGEST_STATUS
                ? OptionalInt.of(Integer.parseInt(number))
                : OptionalInt.empty();
    }

    /**
     * Writes the guest's initial file system.
     *
     * @param busybox a statically linked one
     * @param command as in {@link #prepare}
     */
    public static Path writeInitramfs(Path file, Path busybox, Optional<String> command) throws IOException {
        try (Initramfs root = new Initramfs(Files.newOutputStream(file));
                InputStream init = LinuxGuest.class.getResourceAsStream("init")) {
            if (init == null) {
                throw new IOException("the guest's init is missing from the jar: build it again");
            }
            root.directory("bin").directory("dev").directory("jvmm");
            root.characterDevice("dev/console", 0600, 5, 1);
            root.file("bin/busybox", 0755, busybox);
            root.file("init", 0755, init.readAllBytes());
            if (command.isPresent()) {
                root.file("jvmm/command", 0644, command.get() + "\n");
            }
        }
        return file;
    }
}
