package io.jvmm.it;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * One run of {@code jvmm-supervisor} as a child of this process: its console is a pipe or a pseudo-terminal, its messages
 * (standard error) are kept apart. Closing it kills what is left of it; {@link Leaks} tells whether that was anything.
 */
public final class Machine implements AutoCloseable {
    /** Long enough for a slow and busy host; a wait ends as soon as it can. */
    public static final Duration PATIENCE = Duration.ofSeconds(60);

    private final Process process;
    private final OutputStream input;
    private final Transcript console = new Transcript("the console");
    private final Transcript messages = new Transcript("the supervisor");
    private final @Nullable Terminal terminal;

    private Machine(Process process, @Nullable Terminal terminal) {
        this.process = process;
        this.terminal = terminal;
        if (terminal == null) {
            input = process.getOutputStream();
            pump(process.getInputStream(), console, "console");
        } else {
            input = terminal.output();
            pump(terminal.input(), console, "terminal");
        }
        pump(process.getErrorStream(), messages, "messages");
    }

    private static void pump(InputStream from, Transcript to, String name) {
        Thread.ofPlatform().daemon().name("it-" + name).start(() -> {
            byte[] buffer = new byte[8192];
            try {
                for (int n = from.read(buffer); n >= 0; n = from.read(buffer)) {
                    to.append(buffer, n);
                }
            } catch (IOException e) {
                // The other end is gone; what it said is in the transcript.
                to.append(new byte[0], 0);
            } finally {
                to.end();
            }
        });
    }

    /** How a machine is to be started. */
    public static final class Start {
        private final List<String> before = new ArrayList<>();
        private final List<String> arguments = new ArrayList<>();
        private final Map<String, String> environment = new TreeMap<>();
        private @Nullable Path distribution;
        private boolean onTerminal;

        private @Nullable List<String> program;

        private Start() {}

        /** On a pseudo-terminal of its own instead of pipes. */
        public Start onTerminal() {
            onTerminal = true;
            return this;
        }

        /** Words put before the command: {@code setpriv}, {@code unshare}. They must exec, not fork. */
        public Start under(String... words) {
            before.addAll(List.of(words));
            return this;
        }

        public Start arguments(String... words) {
            arguments.addAll(List.of(words));
            return this;
        }

        public Start environment(String key, String value) {
            environment.put(key, value);
            return this;
        }

        public Start distribution(Path home) {
            distribution = home;
            return this;
        }

        public Machine run() throws IOException {
            // Whoever runs the tests in the background may have these ignored (nohup), and ignored they would stay.
            List<String> command = new ArrayList<>(List.of("env", "--default-signal=HUP,INT,QUIT"));
            @Nullable Terminal terminal = onTerminal ? Terminal.open() : null;
            if (terminal != null) {
                command.addAll(List.of("setsid", "--ctty"));
            }
            command.addAll(before);
            if (program != null) {
                command.addAll(program);
            } else {
                Path home = distribution != null ? distribution : Distribution.home();
                command.add(home.resolve("bin/jvmm-supervisor").toString());
            }
            command.addAll(arguments);
            ProcessBuilder builder = new ProcessBuilder(command);
            builder.environment().putAll(environment);
            builder.environment().put("LC_ALL", "C.UTF-8");
            if (terminal != null) {
                builder.redirectInput(terminal.path().toFile());
                builder.redirectOutput(terminal.path().toFile());
            }
            return new Machine(builder.start(), terminal);
        }
    }

    /** Another program in the place of the supervisor, to compare with. */
    public static Start program(String... command) {
        Start start = new Start();
        start.program = List.of(command);
        return start;
    }

    /** With arguments of the caller's. */
    public static Start command(String... arguments) {
        return new Start().arguments(arguments);
    }

    /** With a configuration, written into {@code directory}. It has no spares unless it says so. */
    public static Start with(Path directory, String toml) throws IOException {
        Path file = directory.resolve("vm.toml");
        Files.writeString(file, withoutSpares(toml));
        return new Start().arguments("--config", file.toString());
    }

    /** Spares take processors and memory from a test that is not about them. */
    private static String withoutSpares(String toml) {
        String header = "[lifecycle]\n";
        String none = "standby = \"none\"\n";
        if (toml.contains("standby")) {
            return toml;
        }
        return toml.contains(header) ? toml.replace(header, header + none) : toml + "\n" + header + none;
    }

    public Transcript console() {
        return console;
    }

    public Transcript messages() {
        return messages;
    }

    /** Waits until the supervisor has said this: it comes another way than what the guest and jvmmctl say, and may come later. */
    public void awaitMessage(String text) {
        messages.awaitSaid(text, PATIENCE);
    }

    public ProcessHandle handle() {
        return process.toHandle();
    }

    public Terminal terminal() {
        if (terminal == null) {
            throw new IllegalStateException("this machine has no terminal");
        }
        return terminal;
    }

    /** Types bytes on the console. */
    public void type(byte[] bytes) throws IOException {
        input.write(bytes);
        input.flush();
    }

    public void type(String text) throws IOException {
        type(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    /** Types a line and returns what came between its echo and the next prompt. */
    public String ask(String line) throws IOException {
        type(line + "\r");
        console.await(line + "\r\n", PATIENCE);
        String answer = console.await("> ", PATIENCE);
        return answer.substring(0, answer.length() - 2);
    }

    /** Waits for the monitor guest's first prompt. */
    public Machine awaitPrompt() {
        console.await("jvmm monitor", PATIENCE);
        console.await("> ", PATIENCE);
        return this;
    }

    public void closeInput() throws IOException {
        input.close();
    }

    /** Sends a signal to the supervisor alone. */
    public void signal(int number) throws IOException, InterruptedException {
        kill(process.pid(), number);
    }

    /** Sends a signal to a process by its number. */
    public static void kill(long pid, int number) throws IOException, InterruptedException {
        if (pid <= 1) {
            throw new IllegalArgumentException("there is no such process: " + pid); // 0 would be our own group
        }
        new ProcessBuilder("kill", "-" + number, Long.toString(pid))
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start()
                .waitFor();
    }

    /** The exit status; 128 + n after death by signal n. What it has said by then is in the transcripts, but for what a terminal still holds. */
    public int awaitExit() throws InterruptedException {
        return awaitExit(PATIENCE);
    }

    public int awaitExit(Duration patience) throws InterruptedException {
        if (!process.waitFor(patience.toMillis(), TimeUnit.MILLISECONDS)) {
            throw new AssertionError("the supervisor does not end; it said:\n" + messages.text());
        }
        messages.awaitEnd(PATIENCE);
        if (terminal == null) {
            console.awaitEnd(PATIENCE);
        }
        return process.exitValue();
    }

    /**
     * The process of the machine with this name ({@code vcpu}, {@code serial}, {@code platform}), by its launch file; {@code vcpu} with
     * either engine.
     */
    public long child(String name) {
        return children(name).stream()
                // In a new pid namespace there may be an init above the program itself: the program is the last one.
                .max(Comparator.naturalOrder())
                .orElseThrow(
                        () -> new AssertionError("no process " + name + "; the supervisor said:\n" + messages.text()));
    }

    /** All processes of the machine of a class: those that serve, spares, and those on their way. */
    public List<Long> children(String name) {
        Pattern launch = Pattern.compile(
                "/launch/" + Pattern.quote(name) + (name.equals("vcpu") ? "(-x86)?" : "") + "\\.launch");
        return process.descendants()
                .map(ProcessHandle::pid)
                .filter(pid -> launch.matcher(LinuxProcess.commandLine(pid)).find())
                .toList();
    }

    /** Kills what is still there; no error when nothing is. */
    @Override
    public void close() throws IOException {
        List<ProcessHandle> tree = new ArrayList<>(process.descendants().toList());
        tree.add(process.toHandle());
        tree.forEach(ProcessHandle::destroyForcibly);
        process.onExit().join();
        if (terminal != null) {
            terminal.close();
        }
        try {
            input.close();
        } catch (IOException e) {
            // A pipe whose reader is dead: nothing to save.
            messages.end();
        }
    }
}
