package io.jvmm.it;

import io.jvmm.supervisor.demo.DebianKernel;
import io.jvmm.supervisor.demo.DebianPackages;
import io.jvmm.supervisor.demo.DebianRoot;
import io.jvmm.supervisor.demo.Qcow2Overlay;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * A machine that runs Debian's stock kernel from a disk, as {@code jvmm-debian-root} makes it, and is typed to on COM1. The disk
 * is fresh each time: what is written goes into an image that the test throws away.
 */
public final class DebianMachine implements AutoCloseable {
    /** From power-on to the prompt with the software processor on a busy host. */
    public static final Duration BOOT = Duration.ofMinutes(6);

    /** For one command. */
    public static final Duration COMMAND = Duration.ofMinutes(4);

    private static final String PROMPT = "jvmm:~# ";

    private final Machine machine;

    private DebianMachine(Machine machine) {
        this.machine = machine;
    }

    /** The disk, kept where {@code --demo} keeps it. */
    private static DebianRoot root() {
        return new DebianRoot(packages());
    }

    private static DebianPackages packages() {
        return new DebianPackages(DebianPackages.standardCache(System.getenv()), System.out::println);
    }

    /**
     * Boots one, up to the prompt.
     *
     * @param dir for its files
     * @param tables of {@code vm.toml}, beside those of the machine, its boot, COM1 and its first disk
     */
    public static DebianMachine boot(Path dir, String tables) throws IOException {
        return boot(dir, "", tables);
    }

    /**
     * The same.
     *
     * @param keys more keys of {@code [machine]}
     */
    public static DebianMachine boot(Path dir, String keys, String tables) throws IOException {
        return boot(dir, keys, "quiet", tables);
    }

    /**
     * The same.
     *
     * @param words more words of the kernel's command line
     */
    public static DebianMachine boot(Path dir, String keys, String words, String tables) throws IOException {
        return boot(dir, keys, words, "", tables);
    }

    /**
     * The same.
     *
     * @param lifecycle more keys of {@code [lifecycle]}
     */
    public static DebianMachine boot(Path dir, String keys, String words, String lifecycle, String tables)
            throws IOException {
        return boot(dir, Distribution.home(), keys, words, lifecycle, tables);
    }

    /**
     * The same.
     *
     * @param distribution another one than the one under test
     */
    public static DebianMachine boot(
            Path dir, Path distribution, String keys, String words, String lifecycle, String tables)
            throws IOException {
        Path base = root().disk();
        Path disk = Qcow2Overlay.write(dir.resolve("root.qcow2"), base, Files.size(base));
        Path initrd = root().writeInitrd(dir.resolve("initrd.img"));
        Path kernel = new DebianKernel(packages()).vmlinuz(DebianKernel.Flavour.CLOUD);
        return booted(Machine.with(dir, """
                [machine]
                memory = "512M"
                engine = "x86"
                %s
                [boot]
                kernel = "%s"
                initrd = "%s"
                cmdline = "console=ttyS0 %s panic=-1"
                on_reset = "exit"
                [[serial]]
                port = 1
                backend = "terminal"
                [lifecycle]
                ready_timeout_s = 120
                %s
                [[block]]
                path = "%s"
                backing = ["%s"]
                cache = "unsafe"
                id = "root"
                %s
                """.formatted(keys, kernel, initrd, words, lifecycle, disk, base, tables))
                .distribution(distribution));
    }

    /**
     * The same kernel and system under QEMU, on its Q35 and its translating processor.
     *
     * @param devices arguments for more devices; the disk and COM1 are there
     */
    public static DebianMachine qemu(Path dir, List<String> devices) throws IOException {
        Path base = root().disk();
        Path disk = Qcow2Overlay.write(dir.resolve("qemu.qcow2"), base, Files.size(base));
        List<String> command = new ArrayList<>(List.of("qemu-system-x86_64", "-machine", "q35", "-accel", "tcg"));
        command.addAll(List.of("-cpu", "max", "-m", "512", "-nodefaults", "-display", "none", "-serial", "stdio"));
        command.addAll(List.of("-no-reboot", "-append", "console=ttyS0 quiet panic=-1", "-kernel"));
        command.add(
                new DebianKernel(packages()).vmlinuz(DebianKernel.Flavour.CLOUD).toString());
        command.addAll(
                List.of("-initrd", root().writeInitrd(dir.resolve("initrd.img")).toString()));
        // What the base is only read for, a machine of ours may be doing at the same time, with its own idea of locks.
        command.addAll(List.of("-drive", "file=" + disk + ",if=none,id=root,discard=unmap,backing.file.locking=off"));
        command.addAll(List.of("-device", "virtio-blk-pci,disable-legacy=on,drive=root,num-queues=1"));
        command.addAll(devices);
        return booted(Machine.program(command.toArray(String[]::new)));
    }

    /** One that starts otherwise, up to the prompt: its system is that of {@code jvmm-debian-root}. */
    public static DebianMachine booted(Machine.Start start) throws IOException {
        DebianMachine m = new DebianMachine(start.run());
        try {
            m.machine.console().await(PROMPT, BOOT);
            m.run("stty cols 500"); // or the shell draws a long line anew while it is typed, more or less often
            return m;
        } catch (AssertionError e) {
            m.close();
            throw new AssertionError(e.getMessage() + "\nthe supervisor said:\n" + m.messages(), e);
        }
    }

    /** Runs a command that must succeed; what it wrote. */
    public String run(String command) throws IOException {
        // Not what the shell draws while the line is typed is waited for, which depends on the width it believes in:
        // there the mark has quotes in it.
        machine.type("echo \"<\"\"<\"; " + command + "; echo \"[$?]\"\n");
        String said;
        try {
            machine.console().await("<<\r\n", COMMAND);
            said = machine.console().await(PROMPT, COMMAND);
        } catch (AssertionError e) {
            throw new AssertionError(e.getMessage() + "\nthe supervisor said:\n" + messages(), e);
        }
        String text = said.substring(0, said.length() - PROMPT.length())
                .replace("\r\n", "\n")
                .replaceAll("\u001b\\[\\?2004[hl]\r?", "");
        if (!text.endsWith("[0]\n")) {
            throw new AssertionError(command + " failed: " + text);
        }
        return text.substring(0, text.length() - "[0]\n".length());
    }

    public String messages() {
        return machine.messages().text();
    }

    public Machine machine() {
        return machine;
    }

    /** Switches it off from within, and waits until it is. */
    public void powerOff() throws IOException, InterruptedException {
        machine.type("poweroff\n");
        int status = machine.awaitExit(COMMAND);
        if (status != 0) {
            throw new AssertionError("exit status " + status + ": " + messages());
        }
    }

    /** Runs a command of the host that must succeed; what it wrote. */
    public static String host(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        process.getOutputStream().close();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() != 0) {
            throw new AssertionError(List.of(command) + " failed: " + said);
        }
        return said;
    }

    @Override
    public void close() throws IOException {
        machine.close();
    }
}
