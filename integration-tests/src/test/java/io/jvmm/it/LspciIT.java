package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * What a stock guest sees of its PCI bus here and under QEMU: the same drivers bind to the same kinds of functions, and every
 * feature that QEMU's device and this kernel agree on, ours agrees on too. Leaves {@code lspci -vvv} of both in
 * {@code target/lspci}.
 */
@Tag("boot")
class LspciIT extends MachineTest {
    private static final String DEVICES = """
            [[net]]
            backend = "none"
            [console]
            backend = "none"
            [[console.port]]
            name = "org.example.agent"
            backend = "none"
            [rng]
            [balloon]
            """;

    private static final List<String> QEMU_DEVICES = List.of(
            "-device",
            "virtio-net-pci,disable-legacy=on",
            "-device",
            "virtio-serial-pci,disable-legacy=on,max_ports=2",
            "-chardev",
            "null,id=console",
            "-device",
            "virtconsole,chardev=console",
            "-chardev",
            "null,id=agent",
            "-device",
            "virtserialport,chardev=agent,name=org.example.agent",
            "-device",
            "virtio-rng-pci,disable-legacy=on",
            "-device",
            "virtio-balloon-pci,disable-legacy=on,deflate-on-oom=on,free-page-reporting=on");

    private static final String VIRTIO = "for d in /sys/bus/virtio/devices/*; do"
            + " echo $(cat $d/device) $(basename $(readlink -f $d/driver)) $(cat $d/features); done";

    private static final Path REPORT = Path.of("target", "lspci");

    /**
     * A function as the guest's kernel has it.
     *
     * @param features the negotiated ones, a character for each bit from 0 on
     */
    private record Function(String driver, String features) {
        TreeSet<Integer> bits() {
            return IntStream.range(0, features.length())
                    .filter(bit -> features.charAt(bit) == '1')
                    .boxed()
                    .collect(Collectors.toCollection(TreeSet::new));
        }
    }

    @Override
    protected void requirements() {
        assertTrue(Host.has("qemu-system-x86_64"), "no QEMU to compare with: apt-get install qemu-system-x86");
    }

    @Test
    void stockGuestSeesWhatItSeesUnderQemu() throws Exception {
        Map<String, Function> ours;
        try (DebianMachine m = DebianMachine.boot(dir, DEVICES)) {
            ours = look(m, "jvmm");
            m.powerOff();
        }
        Map<String, Function> reference;
        try (DebianMachine m = DebianMachine.qemu(dir, QEMU_DEVICES)) {
            reference = look(m, "qemu");
        }
        assertEquals(drivers(reference), drivers(ours));
        StringBuilder table = new StringBuilder();
        reference.forEach((type, function) -> {
            TreeSet<Integer> missing = function.bits();
            TreeSet<Integer> more = Objects.requireNonNull(ours.get(type)).bits();
            missing.removeAll(more);
            more.removeAll(function.bits());
            table.append(String.format(
                    Locale.ROOT,
                    "%s %-16s feature bits of both %d, only here %s, only under QEMU %s%n",
                    type,
                    function.driver(),
                    function.bits().size() - missing.size(),
                    more,
                    missing));
        });
        System.out.print(table);
        Files.writeString(REPORT.resolve("features.txt"), table);
        assertTrue(!table.toString().matches("(?s).*only under QEMU \\[[0-9].*"), table::toString);
    }

    private static Map<String, String> drivers(Map<String, Function> functions) {
        Map<String, String> drivers = new TreeMap<>();
        functions.forEach((type, function) -> drivers.put(type, function.driver()));
        return drivers;
    }

    private static Map<String, Function> look(DebianMachine m, String name) throws IOException {
        Files.createDirectories(REPORT);
        Files.writeString(REPORT.resolve(name + ".txt"), m.run("lspci -nnvvv 2>&1"));
        Map<String, Function> functions = new TreeMap<>();
        for (String line : m.run(VIRTIO).strip().split("\n", -1)) {
            String[] words = line.split(" ", -1);
            functions.put(words[0], new Function(words[1], words[2]));
        }
        return functions;
    }
}
