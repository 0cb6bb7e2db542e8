package io.jvmm.supervisor.demo;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The monitor guest's kernel as a file, for whoever wants to boot it. */
public final class DemoGuest {
    /** What the guest prints first. */
    public static final String BANNER = MonitorGuest.BANNER;

    /** What it prints when it waits for a command. */
    public static final String PROMPT = MonitorGuest.PROMPT;

    private DemoGuest() {}

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
