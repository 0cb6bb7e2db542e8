package io.jvmm.supervisor.demo;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * The modules of a kernel package that a machine needs to reach its devices, each behind those it depends on. A kernel has some
 * of them built in, others as modules; what the package has no file for is taken for built in.
 */
final class KernelModules {
    /** The drivers of our devices, and what hears the power button. */
    static final List<String> WANTED = List.of(
            "virtio_pci",
            "virtio_blk",
            "virtio_net",
            "virtio_console",
            "virtio_rng",
            "virtio_balloon",
            "vmw_vsock_virtio_transport",
            "ext4",
            "af_packet",
            "button",
            "evdev");

    private static final String DEPENDS = "depends=";

    private final Map<String, Path> files = new HashMap<>();

    /**
     * The modules of an unpacked kernel package.
     *
     * @param tree its root: {@code lib/modules} or {@code usr/lib/modules} is in it
     */
    KernelModules(Path tree) throws IOException {
        for (String place : List.of("lib/modules", "usr/lib/modules")) {
            if (Files.isDirectory(tree.resolve(place))) {
                try (Stream<Path> all = Files.walk(tree.resolve(place))) {
                    all.filter(p -> p.toString().matches(".*\\.ko(\\.xz|\\.zst)?"))
                            .forEach(p -> files.put(name(p), p));
                }
            }
        }
    }

    /** A name has '-' and '_' as one likes. */
    private static String name(Path file) {
        return String.valueOf(file.getFileName()).replaceFirst("\\.ko.*", "").replace('-', '_');
    }

    /**
     * Copies the wanted ones and all they depend on, uncompressed.
     *
     * @return their names in the order in which they can be loaded
     */
    List<String> copyTo(Path directory) throws IOException {
        Map<String, byte[]> loaded = new LinkedHashMap<>();
        for (String wanted : WANTED) {
            load(wanted, loaded, new ArrayList<>());
        }
        for (Map.Entry<String, byte[]> module : loaded.entrySet()) {
            Files.write(directory.resolve(module.getKey() + ".ko"), module.getValue());
        }
        return List.copyOf(loaded.keySet());
    }

    private void load(String name, Map<String, byte[]> loaded, List<String> above) throws IOException {
        Path file = files.get(name);
        if (file == null || loaded.containsKey(name) || above.contains(name)) {
            return;
        }
        byte[] module = read(file);
        above.add(name);
        for (String dependency : dependencies(module)) {
            load(dependency.replace('-', '_'), loaded, above);
        }
        above.removeLast();
        loaded.put(name, module);
    }

    private static byte[] read(Path file) throws IOException {
        String path = file.toString();
        if (path.endsWith(".ko")) {
            return Files.readAllBytes(file);
        }
        Path plain = Files.createTempFile("jvmm-module-", ".ko");
        try {
            HostCommand.check(
                    Path.of("/"),
                    List.of(
                            "sh",
                            "-c",
                            (path.endsWith(".xz") ? "xz" : "zstd") + " -dc \"$1\" >\"$2\"",
                            "sh",
                            path,
                            plain.toString()));
            return Files.readAllBytes(plain);
        } finally {
            Files.delete(plain);
        }
    }

    /** Section {@code .modinfo}: texts with an end mark, {@code depends=a,b} one of them. */
    static List<String> dependencies(byte[] module) {
        String text = new String(module, StandardCharsets.ISO_8859_1);
        int at = text.indexOf("\0" + DEPENDS);
        if (at < 0) {
            return List.of();
        }
        int from = at + 1 + DEPENDS.length();
        int to = text.indexOf('\0', from);
        return to <= from ? List.of() : List.of(text.substring(from, to).split(",", -1));
    }
}
