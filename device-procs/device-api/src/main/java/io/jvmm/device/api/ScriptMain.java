package io.jvmm.device.api;

import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.SysException;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.Console;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** The command line of a device that runs alone: options, then a script from a file or typed at a prompt. */
final class ScriptMain {

    private static final String USAGE = """
            usage: jvmm-device NAME --script FILE|- [--jail=off|log|enforce] [--set KEY=VALUE]... [--open FD=FILE]...

            Runs the device alone, with a guest, a host and a clock that are typed by hand: device-procs/BENCH.md.

              --script FILE   run the commands in FILE; the first that fails ends it, with file and line
              --script -      read the commands from standard input, with a prompt on a terminal
              --jail=MODE     off (default); enforce: under the narrow filter of NAME.policy; log: the same, but
                              what it forbids is only logged by the kernel
              --set KEY=VALUE an entry of the device's configuration, of a virtio device's first function 0.KEY
              --open FD=FILE  a file in the place of a descriptor that the device would be given, such as 0.image

            'help' at the prompt lists the commands. Exit codes: 0 well, 1 an 'expect' failed, 2 a wrong command.
            """;

    private final String name;
    private final PrintStream out;
    private final Map<String, String> entries = new HashMap<>();
    private final Map<String, Fd> opened = new HashMap<>();
    private final List<ScriptHost> hosts = new ArrayList<>();
    private @Nullable String script;
    private String jail = "off";

    private ScriptMain(String name, PrintStream out) {
        this.name = name;
        this.out = out;
    }

    static ProcessExit run(String[] args, DeviceFactory factory) throws IOException {
        return run(args, factory, new FileInputStream(FileDescriptor.in), System.out);
    }

    /** For tests: with the streams given. */
    static ProcessExit run(String[] args, DeviceFactory factory, InputStream in, PrintStream out) throws IOException {
        ScriptMain main = new ScriptMain(factory.identity().name(), out);
        if (List.of(args).contains("--help")) {
            out.print(USAGE.replace("NAME", main.name));
            return ProcessExit.STOPPED;
        }
        main.options(args);
        return main.play(factory, in);
    }

    private void options(String[] args) {
        for (int i = 0; i < args.length; i++) {
            String arg = args[i];
            if (arg.equals("--script") && i + 1 < args.length) {
                script = args[++i];
            } else if (arg.startsWith("--jail=")) {
                jail = arg.substring("--jail=".length());
            } else if (arg.equals("--open") && i + 1 < args.length && args[i + 1].indexOf('=') > 0) {
                String file = args[++i];
                opened.put(file.substring(0, file.indexOf('=')), open(file.substring(file.indexOf('=') + 1)));
            } else if (arg.equals("--set") && i + 1 < args.length && args[i + 1].indexOf('=') > 0) {
                String entry = args[++i];
                entries.put(entry.substring(0, entry.indexOf('=')), entry.substring(entry.indexOf('=') + 1));
            } else {
                throw wrong("'" + arg + "' is not an option, or lacks its value; see --help");
            }
        }
        if (script == null) {
            throw wrong("--script FILE or --script - is missing; see --help");
        }
        AloneJail.check(jail);
    }

    private static Fd open(String path) {
        try {
            return FileIo.open(Path.of(path), FileIo.READ_WRITE, 0);
        } catch (SysException | InvalidPathException e) {
            throw new StageException(ProcessExit.BAD_CONFIGURATION, path + ": " + e.getMessage(), e);
        }
    }

    private static StageException wrong(String message) {
        return new StageException(ProcessExit.BAD_CONFIGURATION, message);
    }

    private ProcessExit play(DeviceFactory factory, InputStream standardInput) throws IOException {
        String source = script == null ? "-" : script;
        boolean file = !source.equals("-");
        @Nullable Console console = file ? null : System.console();
        boolean prompt = console != null && console.isTerminal();
        ScriptedPeer peer = newPeer(factory);
        try (BufferedReader lines = file ? open(Path.of(source)) : reader(standardInput)) {
            closeJail(factory);
            return play(peer, lines, file ? source : "-", prompt);
        } finally {
            hosts.forEach(ScriptHost::close);
        }
    }

    private static BufferedReader reader(InputStream in) {
        return new BufferedReader(new InputStreamReader(new NeverAvailable(in), StandardCharsets.ISO_8859_1));
    }

    /** All of the file at once, before the jail closes. */
    private static BufferedReader open(Path path) {
        try {
            return reader(new ByteArrayInputStream(Files.readAllBytes(path)));
        } catch (IOException e) {
            throw new StageException(
                    ProcessExit.BAD_CONFIGURATION,
                    path + (Files.exists(path) ? " cannot be read: see: ls -ld " + path : ": there is no such file"),
                    e);
        }
    }

    /** Spares the system calls that the narrow filter does not allow: how much is available, and closing. */
    private static final class NeverAvailable extends FilterInputStream {
        NeverAvailable(InputStream in) {
            super(in);
        }

        @Override
        public int available() {
            return 0;
        }

        /** Java closes standard input by opening /dev/null in its place. */
        @Override
        public void close() {}
    }

    private ScriptedPeer newPeer(DeviceFactory factory) {
        DeviceConfig example = factory.exampleConfig();
        try {
            Set<String> asked = new TreeSet<>();
            DeviceConfig config = key -> {
                asked.add(key);
                return entries.containsKey(key) ? Optional.ofNullable(entries.get(key)) : example.find(key);
            };
            ScriptedPeer peer = new ScriptedPeer(factory, config, host(factory, config, opened), out::println);
            for (String key : entries.keySet()) {
                if (!asked.contains(key)) {
                    throw new IllegalArgumentException(
                            key + ": the device knows no such entry; it has asked for " + String.join(", ", asked));
                }
            }
            return peer;
        } catch (IllegalArgumentException e) {
            throw new StageException(ProcessExit.BAD_CONFIGURATION, "--set " + e.getMessage(), e);
        }
    }

    private ScriptHost host(DeviceFactory factory, DeviceConfig config, Map<String, Fd> files) {
        ScriptHost host = new ScriptHost(factory, config, files);
        hosts.add(host);
        return host;
    }

    private ProcessExit play(ScriptedPeer peer, BufferedReader lines, String source, boolean prompt)
            throws IOException {
        ProcessExit worst = ProcessExit.STOPPED;
        int number = 0;
        while (!peer.quit()) {
            if (prompt) {
                out.print(name + "> ");
                out.flush();
            }
            String line = lines.readLine();
            if (line == null) {
                break;
            }
            number++;
            try {
                peer.line(line);
            } catch (ScriptException e) {
                out.println((prompt ? "" : source + ":" + number + ": ") + e.getMessage());
                if (!prompt) {
                    worst = e.isExpectation() ? ProcessExit.EXPECTATION_FAILED : ProcessExit.BAD_CONFIGURATION;
                    break;
                }
            }
        }
        out.flush();
        return worst;
    }

    /** Every class is loaded and everything a script can do is done once, because behind the filter nothing is loaded. */
    private void closeJail(DeviceFactory factory) throws IOException {
        if (jail.equals("off")) {
            return;
        }
        for (Class<?> anchor : List.of(factory.getClass(), ScriptMain.class, SysException.class)) {
            ClassPreloader.loadAllBeside(anchor);
        }
        DeviceConfig example = factory.exampleConfig();
        ScriptedPeer rehearsal = new ScriptedPeer(factory, example, host(factory, example, Map.of()), line -> {});
        for (ScriptCommand command : ScriptCommand.values()) {
            for (String arguments : List.of(
                    "", " 0 \"x\\x41\\n\"", " on", " 0 on", " 1", " 10ms", " 0x1 1", " 0: 1234", " 0: 12 / 34")) {
                try {
                    rehearsal.line(command.word() + arguments);
                } catch (ScriptException e) {
                    ScriptedPeer.quoted(String.valueOf(e.getMessage())); // wrong arguments are part of the rehearsal
                }
            }
        }
        out.println(ScriptedPeer.quoted("jail: " + jail));
        out.flush();
        hosts.forEach(ScriptHost::jailed);
        AloneJail.close(factory, jail);
    }
}
