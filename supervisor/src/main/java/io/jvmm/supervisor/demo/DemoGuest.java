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
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** The machine of {@code --demo}, and its kernel for whoever wants to boot it another way. */
public final class DemoGuest {
    /** What the guest prints first. */
    public static final String BANNER = MonitorGuest.BANNER;

    /** What it prints when it waits for a command. */
    public static final String PROMPT = MonitorGuest.PROMPT;

    private static final long MEMORY_BYTES = 64L << 20;

    private DemoGuest() {}

    /**
     * Writes the guest's kernel into {@code directory} (which the supervisor made, mode 0700, and removes afterwards) and
     * describes the machine that boots it, COM1 on the terminal.
     */
    public static VmConfig prepare(Path directory) throws IOException {
        return new VmConfig(
                new MachineConfig("demo", new MemorySize(MEMORY_BYTES), 1, MachineConfig.Engine.AUTO),
                new BootConfig(writeImage(directory), Optional.empty(), "", BootConfig.OnReset.RESTART),
                List.of(new SerialConfig(
                        1, SerialConfig.Backend.TERMINAL, Optional.empty(), SerialConfig.Escape.CTRL_A)),
                new PlatformConfig(new RtcBase.Utc(), Optional.empty()),
                new JailConfig(UidRange.STANDARD, JailConfig.Mode.ENFORCE, 128, 128),
                new IpcConfig(Duration.ofNanos(20_000), Duration.ofSeconds(1)),
                new LifecycleConfig(Duration.ofSeconds(20), Duration.ofSeconds(30)));
    }

    /** Writes the guest as an ELF image to be entered by the Linux 64-bit boot protocol; returns the file. */
    public static Path writeImage(Path directory) throws IOException {
        return write(directory.resolve("monitor.elf"), MonitorGuest.Entry.LINUX_64);
    }

    /** The same guest with a PVH note, so that loaders enter it in 32-bit protected mode. */
    public static Path writePvhImage(Path directory) throws IOException {
        return write(directory.resolve("monitor-pvh.elf"), MonitorGuest.Entry.PVH);
    }

    private static Path write(Path file, MonitorGuest.Entry entry) throws IOException {
        return Files.write(file, MonitorGuest.image(entry));
    }

    /** Writes both images into the directory given, for those who want to look at them or boot them elsewhere. */
    static void main(String[] args) throws IOException {
        Path directory = Path.of(args.length > 0 ? args[0] : ".");
        System.out.println(writeImage(directory));
        System.out.println(writePvhImage(directory));
    }
}
