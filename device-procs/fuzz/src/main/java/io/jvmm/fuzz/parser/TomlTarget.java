package io.jvmm.fuzz.parser;

import io.jvmm.fuzz.engine.FuzzTarget;
import io.jvmm.fuzz.machine.FindingException;
import io.jvmm.supervisor.config.ConfigException;
import io.jvmm.supervisor.config.ConfigKey;
import io.jvmm.supervisor.config.ConfigProblem;
import io.jvmm.supervisor.config.HostFacts;
import io.jvmm.supervisor.config.VmToml;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** {@code vm.toml}: any text is a configuration or a list of problems, of one line each. */
public final class TomlTarget implements FuzzTarget {
    static {
        // Of tomlj's own assertions one fails for an escape that is none (1.1.1); a supervisor runs without them, and
        // gets its error.
        ClassLoader.getSystemClassLoader().setPackageAssertionStatus("org.tomlj", false);
    }

    private static final HostFacts HOST = new HostFacts(8L << 30, 4);
    private static final Path DIRECTORY = Path.of("/nonexistent");
    private static final List<String> SEEDS = List.of("""
            [machine]
            memory = "512M"
            vcpus = 2
            [boot]
            kernel = "vmlinuz"
            initrd = "initrd.img"
            cmdline = "console=ttyS0"
            [[serial]]
            backend = "terminal"
            """, """
            [machine]
            memory = "1G"
            [boot]
            kernel = "vmlinuz"
            [[block]]
            path = "disk.qcow2"
            format = "qcow2"
            cache = "none"
            [[net]]
            backend = "passt"
            mac = "52:54:00:12:34:56"
            [[vsock]]
            cid = 3
            path = "vsock"
            [jail]
            mode = "enforce"
            """);

    @Override
    public void run(byte[] input) {
        try {
            VmToml.read(new String(input, StandardCharsets.UTF_8), "vm.toml", DIRECTORY, HOST, VmToml.Options.STANDARD);
        } catch (ConfigException e) {
            for (ConfigProblem problem : e.problems()) {
                String line = problem.toString();
                if (line.isBlank() || line.indexOf('\n') >= 0) {
                    throw new FindingException("a problem is not one line: '" + line + "'", e);
                }
            }
        }
    }

    @Override
    public List<byte[]> seeds() {
        return SEEDS.stream().map(text -> text.getBytes(StandardCharsets.UTF_8)).toList();
    }

    @Override
    public List<byte[]> dictionary() {
        List<byte[]> words = new ArrayList<>();
        for (ConfigKey key : ConfigKey.values()) {
            words.add((key.key() + " = ").getBytes(StandardCharsets.UTF_8));
            words.add(key.section().header().getBytes(StandardCharsets.UTF_8));
        }
        for (String word :
                List.of("[[", "]]", " = ", "\"\"\"", "'''", "true", "false", "\\u0000", "1979-05-27", "{ ", "\n[")) {
            words.add(word.getBytes(StandardCharsets.UTF_8));
        }
        return words;
    }
}
