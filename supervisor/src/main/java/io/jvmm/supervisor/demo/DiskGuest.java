package io.jvmm.supervisor.demo;

import io.jvmm.supervisor.backend.Passt;
import io.jvmm.supervisor.config.BalloonConfig;
import io.jvmm.supervisor.config.BlockConfig;
import io.jvmm.supervisor.config.BootConfig;
import io.jvmm.supervisor.config.IpcConfig;
import io.jvmm.supervisor.config.JailConfig;
import io.jvmm.supervisor.config.LifecycleConfig;
import io.jvmm.supervisor.config.MachineConfig;
import io.jvmm.supervisor.config.MemorySize;
import io.jvmm.supervisor.config.NetConfig;
import io.jvmm.supervisor.config.PlatformConfig;
import io.jvmm.supervisor.config.RngConfig;
import io.jvmm.supervisor.config.RtcBase;
import io.jvmm.supervisor.config.SerialConfig;
import io.jvmm.supervisor.config.UidRange;
import io.jvmm.supervisor.config.VirtioConfig;
import io.jvmm.supervisor.config.VirtioConfig.Placement;
import io.jvmm.supervisor.config.VmConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Consumer;

/**
 * The machine of {@code --demo}: a small Debian on a disk ({@link DebianRoot}), a login shell on the terminal, and a network
 * where passt is there. What the guest writes to its disk goes into an image of its own that ends with the machine.
 *
 * @param report where the guest says that it is up
 */
public record DiskGuest(VmConfig machine, Path report) {
    private static final long MEMORY_BYTES = 512L << 20;
    private static final String CMDLINE = "console=ttyS0,115200 quiet loglevel=4 panic=-1 root=/dev/vda";

    /** Whether this host can make the disk; else why not, with the cure. */
    public static Optional<String> obstacle() {
        return DebianRoot.mke2fs().isPresent()
                ? Optional.empty()
                : Optional.of(
                        "no mke2fs here to make a disk with, so a shell in memory follows. For a system on a disk:"
                                + " sudo apt-get install e2fsprogs");
    }

    /**
     * Fetches what is not in the cache and describes the machine.
     *
     * @param directory the supervisor's own, removed when it ends
     * @param progress told in a line what is about to take time, and what is missing
     * @throws IOException with one line that says what to do
     */
    public static DiskGuest prepare(Path directory, DebianPackages packages, Consumer<String> progress)
            throws IOException {
        progress.accept("asking apt for today's kernel");
        packages.lookUp(DebianKernel.Flavour.CLOUD.metaPackage(), "busybox-static");
        Path kernel = new DebianKernel(packages).vmlinuz(DebianKernel.Flavour.CLOUD);
        DebianRoot root = new DebianRoot(packages);
        Path base = root.disk();
        Path disk = Qcow2Overlay.write(directory.resolve("disk.qcow2"), base, Files.size(base));
        Path initrd = root.writeInitrd(directory.resolve("initrd.img"));
        Path report = directory.resolve("report");
        List<VirtioConfig> devices = new ArrayList<>();
        devices.add(new RngConfig(Placement.standard("0"), OptionalInt.empty()));
        devices.add(new BalloonConfig(Placement.standard("0"), 0, true, true, 0));
        devices.add(new BlockConfig(
                Placement.standard("0"),
                disk,
                BlockConfig.Format.QCOW2,
                List.of(base),
                false,
                // The image does not outlive the machine: nobody needs it on the medium.
                BlockConfig.Cache.UNSAFE,
                1,
                256,
                "jvmm-demo",
                true,
                false,
                512));
        if (Passt.isThere()) {
            devices.add(NetConfig.passt("demo"));
        } else {
            progress.accept("no passt here, so the guest has no network. For one: sudo apt-get install passt");
        }
        progress.accept("booting " + Objects.requireNonNull(kernel.getParent()).getFileName()
                + " from a disk, a login shell follows; leave with poweroff or Ctrl-A x");
        return new DiskGuest(machine(kernel, initrd, report, devices), report);
    }

    private static VmConfig machine(Path kernel, Path initrd, Path report, List<VirtioConfig> devices) {
        return new VmConfig(
                new MachineConfig("demo", new MemorySize(MEMORY_BYTES), 1, MachineConfig.Engine.AUTO),
                new BootConfig(kernel, false, Optional.of(initrd), CMDLINE, BootConfig.OnReset.EXIT),
                List.of(
                        new SerialConfig(
                                1, SerialConfig.Backend.TERMINAL, Optional.empty(), SerialConfig.Escape.CTRL_A),
                        new SerialConfig(2, SerialConfig.Backend.FILE, Optional.of(report), SerialConfig.Escape.NONE)),
                new PlatformConfig(new RtcBase.Utc(), Optional.empty()),
                new JailConfig(UidRange.STANDARD, JailConfig.Mode.ENFORCE, 128, 128),
                new IpcConfig(Duration.ofNanos(20_000), Duration.ofSeconds(1)),
                new LifecycleConfig(Duration.ofSeconds(60), Duration.ofSeconds(30)),
                devices);
    }

    /** Whether the guest is about to let somebody log in. Any thread. */
    public boolean isUp() {
        try {
            return Files.size(report) > 0;
        } catch (IOException e) {
            // Its back end is not open yet.
            return false;
        }
    }
}
