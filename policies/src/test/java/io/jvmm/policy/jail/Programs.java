package io.jvmm.policy.jail;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Pipe;
import io.jvmm.policy.sys.Host;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Things to put into a jail, and a way to hear what they say. */
final class Programs {
    /** A filter that allows everything, for tests of the other walls. */
    static final byte[] ALLOW_ALL = {6, 0, 0, 0, 0, 0, (byte) 0xff, 0x7f};

    /** A host id no account has. */
    static final int HOST_ID = 231_072;

    private Programs() {}

    static boolean root() {
        return Host.effectiveUid() == 0;
    }

    /** A specification for whoever runs the tests. */
    static JailSpec.Builder spec(String name) throws IOException {
        return JailSpec.builder(name)
                .identity(root() ? HostIdentity.ids(HOST_ID, HOST_ID) : HostIdentity.sameUser())
                .limits(Limits.device().withFileSizeBytes(Limits.UNLIMITED))
                .wideFilter(ALLOW_ALL)
                .binds(HostLibraries.binds());
    }

    /** A compiled policy of this tree. */
    static byte[] filter(String name) throws IOException {
        return Files.readAllBytes(Path.of("target/policies", name + ".bpf"));
    }

    /** A running program and its output. */
    static final class Running implements AutoCloseable {
        private final JailedProcess process;
        private final Pipe out;
        private final Pipe in;
        private boolean collected;

        Running(JailedProcess process, Pipe out, Pipe in) {
            this.process = process;
            this.out = out;
            this.in = in;
        }

        JailedProcess process() {
            return process;
        }

        /** Everything it says until it ends. */
        String text() throws IOException {
            // Our own descriptor by its name in /proc: so the pipe becomes a plain stream.
            try (InputStream stream =
                    Files.newInputStream(Path.of("/proc/self/fd/" + out.reader().number()))) {
                return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
            }
        }

        /** Waits for one line. */
        String line() throws IOException {
            try (InputStream stream =
                    Files.newInputStream(Path.of("/proc/self/fd/" + out.reader().number()))) {
                StringBuilder line = new StringBuilder();
                for (int c = stream.read(); c >= 0 && c != '\n'; c = stream.read()) {
                    line.append((char) c);
                }
                return line.toString();
            }
        }

        /** Everything it says, and how it ended. */
        String finish() throws IOException {
            in.writer().close();
            String text = text();
            collected = true;
            return text + process.pidfd().await();
        }

        @Override
        public void close() {
            if (!collected) {
                process.kill();
                var _ = process.pidfd().await();
            }
            process.pidfd().close();
            out.close();
            in.close();
        }
    }

    /** Starts a program with a pipe on descriptor 0, and one on 1 and 2. */
    static Running start(JailSpec spec, List<String> argv, Map<String, String> environment) {
        Pipe out = Pipe.create();
        Pipe in = Pipe.create();
        JailedProcess process = Jail.spawn(
                spec,
                argv,
                environment,
                List.of(FdMapping.of(in.reader(), 0), FdMapping.of(out.writer(), 1), FdMapping.of(out.writer(), 2)));
        out.writer().close();
        in.reader().close();
        return new Running(process, out, in);
    }

    /** A script for /bin/sh, which has only its builtins. */
    static Running shell(JailSpec.Builder spec, String script) throws IOException {
        spec.bind(Bind.of(Path.of("/bin/sh"), "/bin/sh", Bind.Kind.PROGRAM));
        return start(spec.build(), List.of("/bin/sh", "-c", script), Map.of("PATH", "/bin"));
    }

    /** The Java of this test, and the classes of this test, in a jail. */
    static Running java(JailSpec.Builder spec, String main, List<String> arguments) throws IOException {
        spec.bind(Bind.of(Path.of(System.getProperty("java.home")), "/jvmm/runtime", Bind.Kind.CODE));
        List<String> classPath = new ArrayList<>();
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator, -1)) {
            if (Files.exists(Path.of(entry))) {
                String target = "/jvmm/lib/" + classPath.size() + (entry.endsWith(".jar") ? ".jar" : "");
                spec.bind(Bind.of(Path.of(entry), target, Bind.Kind.DATA));
                classPath.add(target);
            }
        }
        List<String> argv = new ArrayList<>(List.of(
                "/jvmm/runtime/bin/java",
                "-XX:+UseSerialGC",
                "-Xmx16m",
                "-XX:TieredStopAtLevel=1",
                "-XX:CICompilerCount=1",
                "-XX:-UseDynamicNumberOfCompilerThreads",
                "-XX:ReservedCodeCacheSize=8m",
                "-XX:InitialCodeCacheSize=8m",
                "-XX:-UsePerfData",
                "-Xrs",
                "-XX:+DisableAttachMechanism",
                "-XX:-UseContainerSupport",
                "-XX:ActiveProcessorCount=2",
                "-XX:+UnlockExperimentalVMOptions",
                "-XX:TrimNativeHeapInterval=500",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                String.join(":", classPath),
                main));
        argv.addAll(arguments);
        String libraries = "/jvmm/runtime/lib:/jvmm/runtime/lib/server";
        return start(spec.build(), argv, Map.of("LD_LIBRARY_PATH", libraries));
    }

    static Fd devNull() {
        return FileIo.open(Path.of("/dev/null"), FileIo.READ_WRITE, 0);
    }
}
