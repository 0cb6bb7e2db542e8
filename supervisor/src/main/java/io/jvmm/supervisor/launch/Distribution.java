package io.jvmm.supervisor.launch;

import io.jvmm.ipc.message.EngineKind;
import io.jvmm.policy.jail.Bind;
import io.jvmm.policy.parse.Policy;
import io.jvmm.policy.parse.PolicyException;
import io.jvmm.policy.parse.PolicyParser;
import io.jvmm.supervisor.config.JailConfig;
import io.jvmm.supervisor.config.MachineConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The files the processes are made of: the directory that {@code mvn package} assembles, and what of the host's libraries a
 * Java runtime needs. What is bound where in a jail is decided here.
 *
 * @param home its directory, absolute; system property {@code jvmm.home}
 * @param engine runs guest code: the vCPU process has other flags and other filters with the software processor
 */
public record Distribution(Path home, MachineConfig.Engine engine) {
    /** Where a jail has it. */
    private static final String INSIDE = "/jvmm";

    /** In the names of what all device processes share: the beginning of their class paths, and its archive. */
    private static final String SHARED = "devices";

    private static final String RECORDER_MAIN = "io.jvmm.supervisor.journal.RecorderMain";

    private static final String STANDBY = "standby";
    private static final String DEVICE_START = "wide";

    /** Where a jail has the host's libraries; the loader's own path is part of every program's header. */
    private static final String LIBRARIES = "/lib64";

    private static final String LOADER = LIBRARIES + "/ld-linux-x86-64.so.2";
    private static final Pattern LIBRARY_NAME = Pattern.compile("(?:lib[^/]+?\\.so\\.\\d+|ld-linux-x86-64\\.so\\.2)");

    /** The distribution that this supervisor was started from. */
    public static Distribution locate(MachineConfig.Engine engine) throws HostLackException {
        String home = System.getProperty("jvmm.home");
        if (home == null) {
            throw new HostLackException("the supervisor does not know its distribution (-Djvmm.home=...). Start it as"
                    + " bin/jvmm-supervisor.");
        }
        return new Distribution(Path.of(home).toAbsolutePath().normalize(), engine);
    }

    /** Everything a process needs is there. */
    public void check(List<ProcessKind> processes) throws HostLackException {
        List<Path> needed = new ArrayList<>(List.of(home.resolve("runtime/bin/java")));
        for (ProcessKind p : processes) {
            needed.add(runtime(p).resolve("bin/java"));
            needed.add(launchFile(p));
            needed.add(jar(p));
            needed.addAll(p.isDevice() ? List.of(library(SHARED), program(p)) : List.of());
            needed.add(policy(wide(p)));
            engines(p).forEach(e -> needed.add(policy(narrow(p, e))));
        }
        for (Path path : needed) {
            if (!Files.isReadable(path)) {
                throw new HostLackException("the distribution is not whole: " + path
                        + " is missing or unreadable. Build it anew: mvn -DskipTests package");
            }
        }
    }

    /** What a process is called where it is another one with another engine: its flags and its cache. */
    private String variant(ProcessKind p) {
        return narrow(p, engines(p).getLast());
    }

    /** What may run guest code in a process; the last one needs most memory, and so decides on the flags. */
    private List<Optional<EngineKind>> engines(ProcessKind p) {
        if (p != ProcessKind.VCPU) {
            return List.of(Optional.empty());
        }
        return switch (engine) {
            case KVM -> List.of(Optional.of(EngineKind.KVM));
            case X86 -> List.of(Optional.of(EngineKind.X86));
            case AUTO -> List.of(Optional.of(EngineKind.KVM), Optional.of(EngineKind.X86));
        };
    }

    private static String narrow(ProcessKind p, Optional<EngineKind> engine) {
        return engine.equals(Optional.of(EngineKind.X86)) ? p.process() + "-x86" : p.process();
    }

    /** The recorder's has the few modules more that Chronicle Queue asks for. */
    private Path runtime(ProcessKind p) {
        return home.resolve(p == ProcessKind.RECORDER ? "runtime-journal" : "runtime");
    }

    Path launchFile(ProcessKind p) {
        return home.resolve("launch").resolve(variant(p) + ".launch");
    }

    Path jar(ProcessKind p) {
        return library(p.process()).resolve(p.jar());
    }

    Path policy(String name) {
        return home.resolve("policies").resolve(name + ".bpf");
    }

    /** Of a device process: a line with its main class, then a line for each jar of its class path, relative to {@code lib/}. */
    private Path program(ProcessKind p) {
        return library(p.process()).resolve("program");
    }

    private Path library(String directory) {
        return home.resolve("lib").resolve(directory);
    }

    /**
     * The files in which a process has its classes in a form that it only maps: one of its own or, for device processes, one that all
     * of them share and on top of it one with the classes that only it has.
     */
    private List<Path> archives(ProcessKind p) {
        Path directory = home.resolve("aot");
        return p.isDevice()
                ? List.of(directory.resolve(SHARED + ".jsa"), directory.resolve(p.process() + ".jsa"))
                : List.of(directory.resolve(variant(p) + ".aot"));
    }

    /** A compiled seccomp filter. */
    private byte[] filter(String name) throws HostLackException {
        try {
            return Files.readAllBytes(policy(name));
        } catch (IOException e) {
            throw new HostLackException(
                    "the distribution is not whole: " + policy(name) + " cannot be read. Build it anew: mvn -DskipTests"
                            + " package",
                    e);
        }
    }

    /** The ways in which a process may live, with the filter that it installs when it is ready. */
    public List<Variant> variants(ProcessKind p, JailConfig.Mode mode) throws HostLackException {
        List<Variant> variants = new ArrayList<>();
        for (Optional<EngineKind> e : engines(p)) {
            byte[] narrow = FilterMode.apply(filter(narrow(p, e)), mode);
            variants.add(new Variant(e, new NarrowFilter(narrow, wideFilter(p, mode))));
        }
        return variants;
    }

    /** Whether its device programs can wait as spares. */
    boolean hasStandbyFilter() {
        return Files.isReadable(policy(STANDBY));
    }

    /** The filter of a spare: what any device process may do, and what it needs to become one. */
    NarrowFilter standbyFilter(JailConfig.Mode mode) throws HostLackException {
        return new NarrowFilter(FilterMode.apply(filter(STANDBY), mode), FilterMode.apply(filter(DEVICE_START), mode));
    }

    /** The policy that a process's last filter was compiled of: the distribution has its text too, for its reasons. */
    Policy source(ProcessKind p, Optional<EngineKind> engine) throws HostLackException {
        Path file = home.resolve("policies").resolve(narrow(p, engine) + ".policy");
        try {
            return PolicyParser.parse(file);
        } catch (IOException | PolicyException e) {
            throw new HostLackException(
                    "the distribution is not whole: the policy " + file + " cannot be read: " + e.getMessage()
                            + ". Build it anew: mvn -DskipTests package",
                    e);
        }
    }

    /** The filter that a process starts under: where KVM may come in the vCPU process must be able to build its machine. */
    byte[] wideFilter(ProcessKind p, JailConfig.Mode mode) throws HostLackException {
        return FilterMode.apply(filter(wide(p)), mode);
    }

    private String wide(ProcessKind p) {
        if (p == ProcessKind.RECORDER) {
            return p.process() + "-wide";
        }
        return engines(p).contains(Optional.of(EngineKind.KVM)) ? "vcpu-wide" : DEVICE_START;
    }

    /** The command line of a process, in terms of its jail. */
    public List<String> command(ProcessKind p) throws HostLackException {
        List<String> argv = new ArrayList<>();
        argv.add(INSIDE + "/runtime/bin/java");
        argv.add("@" + INSIDE + "/launch/" + variant(p) + ".launch");
        List<Path> archives = archives(p);
        if (archives.stream().allMatch(Files::exists)) {
            argv.add((p.isDevice() ? "-XX:SharedArchiveFile=" : "-XX:AOTCache=")
                    + String.join(":", archives.stream().map(this::inside).toList()));
        }
        if (p.isDevice()) {
            argv.addAll(deviceProgram(p));
        } else if (p == ProcessKind.RECORDER) {
            argv.addAll(List.of("-cp", INSIDE + "/lib/recorder/*", RECORDER_MAIN));
        } else {
            argv.add("-jar");
            argv.add(inside(jar(p)));
        }
        return List.copyOf(argv);
    }

    private List<String> deviceProgram(ProcessKind p) throws HostLackException {
        try {
            return DeviceProgram.read(program(p)).command(INSIDE + "/lib");
        } catch (IOException e) {
            throw new HostLackException(
                    "the distribution is not whole: " + e.getMessage() + ". Build it anew: mvn -DskipTests package", e);
        }
    }

    /** Where a jail has a file of the distribution. */
    private String inside(Path file) {
        return INSIDE + "/" + home.relativize(file);
    }

    /** The environment of a process, all of it. */
    public Map<String, String> environment() {
        return Map.of(
                // Without /proc the launcher cannot find its own libraries.
                "LD_LIBRARY_PATH",
                INSIDE + "/runtime/lib:" + LIBRARIES,
                // One malloc arena: a dozen threads need no more, and each costs memory.
                "MALLOC_ARENA_MAX",
                "1");
    }

    /** What the jail of a process holds: exactly its own code. */
    public List<Bind> binds(ProcessKind p) throws HostLackException {
        try {
            List<Bind> binds = new ArrayList<>();
            binds.add(Bind.of(runtime(p), INSIDE + "/runtime", Bind.Kind.CODE));
            binds.add(Bind.of(launchFile(p), inside(launchFile(p)), Bind.Kind.DATA));
            for (String directory : p.isDevice() ? List.of(SHARED, p.process()) : List.of(p.process())) {
                binds.add(Bind.of(library(directory), inside(library(directory)), Bind.Kind.DATA));
            }
            for (Path archive : archives(p)) {
                if (Files.exists(archive)) {
                    binds.add(Bind.of(archive, inside(archive), Bind.Kind.CODE));
                }
            }
            for (Map.Entry<String, Path> library : hostLibraries().entrySet()) {
                boolean loader = library.getKey().equals(LOADER);
                binds.add(Bind.of(library.getValue(), library.getKey(), loader ? Bind.Kind.PROGRAM : Bind.Kind.CODE));
            }
            return binds;
        } catch (IOException e) {
            throw new HostLackException(
                    "the distribution is not whole: " + e.getMessage() + ". Build it anew: mvn -DskipTests package", e);
        }
    }

    /**
     * The libraries of the host that a Java runtime needs, by their path in the jail. This process is one: what it has mapped
     * that lies outside the distribution is what the others need too, wherever this Linux keeps it.
     */
    private Map<String, Path> hostLibraries() throws IOException {
        String own = home.toRealPath() + "/";
        String runtime = Path.of(System.getProperty("java.home")).toRealPath() + "/";
        Map<String, Path> found = new TreeMap<>();
        for (String line : Files.readAllLines(Path.of("/proc/self/maps"))) {
            int slash = line.indexOf('/');
            if (slash < 0 || line.startsWith(own, slash) || line.startsWith(runtime, slash)) {
                continue;
            }
            Path path = Path.of(line.substring(slash));
            Matcher name = LIBRARY_NAME.matcher(String.valueOf(path.getFileName()));
            if (name.lookingAt()) {
                found.putIfAbsent(LIBRARIES + "/" + name.group(), path);
            }
        }
        if (!found.containsKey(LOADER)) {
            throw new IOException("no " + LOADER + " is mapped into this process");
        }
        return found;
    }
}
