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
import java.util.List;

/**
 * A machine that runs Debian's stock kernel from a disk, as {@code jvmm-debian-root} makes it, and is typed to on COM1. The disk
 * is fresh each time: what is written goes into an image that the test throws away.
 */
final class DebianMachine implements AutoCloseable {
    /** From power-on to the prompt with the software processor on a busy host. */
    static final Duration BOOT = Duration.ofMinutes(6);

    /** For one command. */
    static final Duration COMMAND = Duration.ofMinutes(4);

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
    static DebianMachine boot(Path dir, String tables) throws IOException {
        return boot(dir, "", tables);
    }

    /**
     * The same.
     *
     * @param keys more keys of {@code [machine]}
     */
    static DebianMachine boot(Path dir, String keys, String tables) throws IOException {
        Path base = root().disk();
        Path disk = Qcow2Overlay.write(dir.resolve("root.qcow2"), base, Files.size(base));
        Path initrd = root().writeInitrd(dir.resolve("initrd.img"));
        Path kernel = new DebianKernel(packages()).vmlinuz(DebianKernel.Flavour.CLOUD);
        DebianMachine m = new DebianMachine(Machine.with(dir, """
                [machine]
                memory = "512M"
                engine = "x86"
                %s
                [boot]
                kernel = "%s"
                initrd = "%s"
                cmdline = "console=ttyS0 quiet panic=-1"
                on_reset = "exit"
                [[serial]]
                port = 1
                backend = "terminal"
                [lifecycle]
                ready_timeout_s = 120
                [[block]]
                path = "%s"
                cache = "unsafe"
                id = "root"
                %s
                """.formatted(keys, kernel, initrd, disk, tables))
                .run());
        try {
            m.machine.console().await(PROMPT, BOOT);
            return m;
        } catch (AssertionError e) {
            m.close();
            throw new AssertionError(e.getMessage() + "\nthe supervisor said:\n" + m.messages(), e);
        }
    }

    /** Runs a command that must succeed; what it wrote. */
    String run(String command) throws IOException {
        machine.type(command + "; echo \"[$?]\"\n");
        // The echo of the line has "$?" there.
        String said;
        try {
            machine.console().await("echo \"[$?]\"\r\n", COMMAND);
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

    String messages() {
        return machine.messages().text();
    }

    Machine machine() {
        return machine;
    }

    /** Switches it off from within, and waits until it is. */
    void powerOff() throws IOException, InterruptedException {
        machine.type("poweroff\n");
        int status = machine.awaitExit(COMMAND);
        if (status != 0) {
            throw new AssertionError("exit status " + status + ": " + messages());
        }
    }

    /** Runs a command of the host that must succeed; what it wrote. */
    static String host(String... command) throws IOException, InterruptedException {
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
