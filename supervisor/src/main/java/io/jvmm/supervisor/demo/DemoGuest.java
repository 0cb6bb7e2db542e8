package io.jvmm.supervisor.demo;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Hands out the monitor guest as a kernel image, for {@code --demo} and for the integration tests. */
public final class DemoGuest {
    /** What the guest prints first. */
    public static final String BANNER = MonitorGuest.BANNER;

    /** What it prints when it waits for a command. */
    public static final String PROMPT = MonitorGuest.PROMPT;

    private DemoGuest() {}

    /**
     * Writes the guest's ELF image into a directory, which is made where it is missing.
     *
     * @return the image, to be booted by the Linux 64-bit boot protocol
     * @throws IOException where the directory cannot be written
     */
    public static Path prepare(Path workDir) throws IOException {
        return write(workDir.resolve("monitor.elf"), MonitorGuest.Entry.LINUX_64);
    }

    /** The same guest with a PVH note, so that loaders enter it in 32-bit protected mode. */
    public static Path preparePvh(Path workDir) throws IOException {
        return write(workDir.resolve("monitor-pvh.elf"), MonitorGuest.Entry.PVH);
    }

    private static Path write(Path file, MonitorGuest.Entry entry) throws IOException {
        Path directory = file.toAbsolutePath().getParent();
        if (directory != null) {
            Files.createDirectories(directory);
        }
        return Files.write(file, MonitorGuest.image(entry));
    }

    /** Writes both images into the directory given, for those who want to look at them. */
    static void main(String[] args) throws IOException {
        Path directory = Path.of(args.length > 0 ? args[0] : ".");
        System.out.println(prepare(directory));
        System.out.println(preparePvh(directory));
    }
}
