package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What {@code jvmmctl device inspect} and {@code device links} say of every class of device, against what its guest says, while it works. */
@Tag("boot")
class InspectIT extends MachineTest {
    private static final Duration SOON = Duration.ofSeconds(60);
    private static final int SECTOR_BYTES = 512;
    private static final int DATA_BYTES = 3 << 20;

    private static final String DEVICES = """
            [[serial]]
            port = 2
            backend = "none"
            [[block]]
            path = "data.img"
            format = "raw"
            id = "data"
            isolation = "instance"
            queues = 2
            queue_size = 64
            [[net]]
            backend = "none"
            mac = "02:00:00:00:00:07"
            [console]
            backend = "socket"
            path = "hvc0.sock"
            [[console.port]]
            name = "org.example.agent"
            backend = "none"
            [rng]
            [balloon]
            target = "64M"
            [[vsock]]
            cid = 42
            path = "v.sock"
            [control]
            socket = "control"
            """;

    private static final List<String> VIRTIO =
            List.of("console0", "rng0", "balloon0", "vsock0", "block0", "block1", "net0");

    private Ctl ctl = new Ctl(Path.of("control"));

    @Override
    protected void requirements() {
        // Nothing that a machine without KVM has not.
    }

    @Test
    void whatTheGuestSaysIsWhatInspectShows() throws Exception {
        ctl = new Ctl(dir.resolve("control"));
        Files.write(dir.resolve("data.img"), new byte[DATA_BYTES]);
        try (DebianMachine m = DebianMachine.boot(dir, DEVICES)) {
            listed();
            serial(m);
            clockAndPower(m);
            transports(m);
            disks(m);
            card(m);
            others(m);
            links(m);
            watched(m);
            killed(m);
            refusals();
            m.powerOff();
        }
    }

    private void listed() throws IOException, InterruptedException {
        Map<String, String> devices = new LinkedHashMap<>();
        for (String line : ctl.done("device", "list").text().lines().skip(1).toList()) {
            String[] words = line.split(" +", -1);
            devices.put(words[0], words[9]);
            assertEquals("connected", words[8], line);
        }
        assertEquals("serial0,serial1", devices.get("serial"));
        assertEquals("block0", devices.get("block"));
        assertEquals("block1", devices.get("block-data"));
        assertEquals("platform", devices.get("platform"));
    }

    /** Fields by path: what a device has, as numbers or bytes and as text. */
    private record Fields(Map<String, JsonObject> all) {
        String text(String path) {
            return field(path).get("text").getAsString();
        }

        BigInteger raw(String path) {
            return new BigInteger(field(path).get("raw").getAsString());
        }

        private JsonObject field(String path) {
            JsonObject field = all.get(path);
            if (field == null) {
                throw new AssertionError("no " + path + " in " + all.keySet());
            }
            return field;
        }
    }

    private Fields inspect(String device) throws IOException, InterruptedException {
        JsonObject reply = JsonParser.parseString(
                        ctl.done("--json", "device", "inspect", device).text())
                .getAsJsonObject();
        Map<String, JsonObject> fields = new LinkedHashMap<>();
        for (Map.Entry<String, JsonElement> e : reply.getAsJsonObject("fields").entrySet()) {
            fields.put(e.getKey(), e.getValue().getAsJsonObject());
        }
        return new Fields(fields);
    }

    /** 4800 baud is a divisor of 24 (PC16550D §8.3). */
    private void serial(DebianMachine m) throws IOException, InterruptedException {
        m.run("exec 9<>/dev/ttyS1; stty -F /dev/ttyS1 4800 cs7 parenb -parodd cstopb");
        Fields com2 = inspect("serial1");
        assertEquals("0x18", com2.text("DLL"));
        assertEquals("0x00", com2.text("DLM"));
        assertEquals("0x1e 7BITS|STB|PEN|EPS", com2.text("LCR"));
        assertTrue(com2.text("MCR").contains("DTR|RTS|OUT2"), com2.text("MCR"));
        assertTrue(inspect("serial0").raw("txBytes").longValue() > 100);
        m.run("exec 9>&-");
    }

    private void clockAndPower(DebianMachine m) throws IOException, InterruptedException {
        String date = m.run("cat /sys/class/rtc/rtc0/date").strip();
        Fields platform = inspect("platform");
        // The registers are in BCD, as the standard driver of a PC leaves them; they are of that very reading.
        String shown = bcd(platform, "rtc.CENTURY") + bcd(platform, "rtc.YEAR") + "-" + bcd(platform, "rtc.MONTH") + "-"
                + bcd(platform, "rtc.DATE_OF_MONTH");
        assertEquals(date, shown);
        assertTrue(platform.text("rtc.REGISTER_B").contains("24H"), platform.text("rtc.REGISTER_B"));
    }

    private static String bcd(Fields fields, String path) {
        return fields.text(path).substring(2);
    }

    /** Linux shows a device's features as a string of bits, the lowest first, and its status in hexadecimal. */
    private void transports(DebianMachine m) throws IOException, InterruptedException {
        Map<String, String[]> guest = new LinkedHashMap<>();
        for (String line : m.run("cd /sys/bus/virtio/devices; for d in $(ls -v); do"
                        + " echo $(basename $(readlink -f $d/..)) $(cat $d/features) $(cat $d/status); done; cd")
                .lines()
                .toList()) {
            String[] words = line.split(" ", -1);
            guest.put(words[0], words);
        }
        assertEquals(VIRTIO.size(), guest.size(), guest.keySet()::toString);
        List<String[]> bySlot = guest.entrySet().stream()
                .sorted(Map.Entry.comparingByKey())
                .map(Map.Entry::getValue)
                .toList();
        for (int i = 0; i < VIRTIO.size(); i++) {
            Fields device = inspect(VIRTIO.get(i));
            String bits = new StringBuilder(bySlot.get(i)[1]).reverse().toString();
            assertEquals(new BigInteger(bits, 2), device.raw("common.driver_feature"), VIRTIO.get(i));
            assertTrue(device.text("common.driver_feature").contains("VERSION_1"), VIRTIO.get(i));
            assertEquals(
                    new BigInteger(bySlot.get(i)[2].substring(2), 16),
                    device.raw("common.device_status"),
                    VIRTIO.get(i));
            assertEquals("0x0f ACKNOWLEDGE|DRIVER|DRIVER_OK|FEATURES_OK", device.text("common.device_status"));
            assertEquals("1 yes", device.text("queue0.queue_enable"), VIRTIO.get(i));
        }
    }

    private void disks(DebianMachine m) throws IOException, InterruptedException {
        assertEquals(
                m.run("cat /sys/class/block/vda/size").strip(),
                inspect("block0").raw("device.capacity").toString());
        Fields data = inspect("block1");
        assertEquals(DATA_BYTES / SECTOR_BYTES + " sectors", data.text("device.capacity"));
        assertEquals("64", data.text("queue0.queue_size"));
        assertEquals("64", data.text("queue1.queue_size"));
        assertEquals(data.text("queue1.queue_size"), inspect("block-data").text("queue1.queue_size"));
        BigInteger before = data.raw("queue0.avail").add(data.raw("queue1.avail"));
        m.run("dd if=/dev/vdb of=/dev/null bs=64k count=4 iflag=direct 2>/dev/null");
        Fields after = inspect("block1");
        BigInteger now = after.raw("queue0.avail").add(after.raw("queue1.avail"));
        assertTrue(now.subtract(before).intValue() >= 4, before + " and then " + now);
        m.run(
                "echo 'write through' > /sys/block/vdb/queue/write_cache 2>/dev/null || echo 'write through' > /sys/block/vdb/cache_type");
    }

    private void card(DebianMachine m) throws IOException, InterruptedException {
        assertEquals("02:00:00:00:00:07", inspect("net0").text("device.mac"));
        m.run("ip link set eth0 address 02:00:00:00:00:08 && ip link set eth0 up promisc on");
        Fields card = inspect("net0");
        assertEquals(m.run("cat /sys/class/net/eth0/address").strip(), card.text("device.mac"));
        assertTrue(card.text("device.rxMode").contains("PROMISC"), card.text("device.rxMode"));
        assertTrue(card.raw("device.counters.COMMANDS").intValue() > 0);
    }

    private void others(DebianMachine m) throws IOException, InterruptedException {
        BigInteger before = inspect("rng0").raw("device.bytes");
        m.run("dd if=/dev/hwrng of=/dev/null bs=512 count=4 2>/dev/null");
        BigInteger given = inspect("rng0").raw("device.bytes").subtract(before);
        assertTrue(given.intValue() >= 1024, given + " bytes");
        m.run("exec 8<>/dev/$(basename /sys/class/virtio-ports/vport*p1)");
        assertEquals("1 yes", inspect("console0").text("device.port[1].guestOpen"));
        m.run("exec 8>&-");
        assertEquals("0 no", inspect("console0").text("device.port[1].guestOpen"));
        Fields balloon = inspect("balloon0");
        assertEquals(Integer.toString((64 << 20) / 4096), balloon.text("device.num_pages"));
        assertEquals("42", inspect("vsock0").text("device.guestCid"));
    }

    private JsonObject link(String process, String with) throws IOException, InterruptedException {
        JsonObject reply = JsonParser.parseString(
                        ctl.done("--json", "device", "links").text())
                .getAsJsonObject();
        for (JsonElement e : reply.getAsJsonArray("links")) {
            JsonObject link = e.getAsJsonObject();
            if (link.get("process").getAsString().equals(process)
                    && link.get("with").getAsString().equals(with)) {
                return link;
            }
        }
        throw new AssertionError("no link of " + process + " with " + with + " in " + reply);
    }

    private void links(DebianMachine m) throws IOException, InterruptedException {
        long before = consumed(link("block-data", "vcpu"));
        m.run("dd if=/dev/vdb of=/dev/null bs=4k count=64 iflag=direct 2>/dev/null");
        JsonObject link = link("block-data", "vcpu");
        assertTrue(consumed(link) > before, link.toString());
        assertEquals("connected", link.get("health").getAsString());
        // Nobody asks it now.
        for (int i = 0; i < 100 && !link.get("requestConsumerAsleep").getAsBoolean(); i++) {
            Thread.sleep(100);
            link = link("block-data", "vcpu");
        }
        assertTrue(link.get("requestConsumerAsleep").getAsBoolean(), link.toString());
        JsonObject ring = link.getAsJsonObject("request");
        assertEquals(ring.get("produced"), ring.get("consumed"));
        assertEquals(0, ring.get("depthBytes").getAsInt());
        assertEquals(0, ring.get("messages").getAsInt());
        assertEquals(0, link.get("readersWaiting").getAsInt());
        String table = ctl.done("device", "links", "block1").text();
        assertEquals(3, table.lines().count(), table);
        assertTrue(table.lines().anyMatch(l -> l.matches("block-data +vcpu +connected .*")), table);
    }

    private static long consumed(JsonObject link) {
        return link.getAsJsonObject("request").get("consumed").getAsLong();
    }

    /** A command that goes on: the lines it writes. */
    private final class Watch implements AutoCloseable {
        private final Process process;
        private final BlockingQueue<String> lines = new LinkedBlockingQueue<>();
        private final List<String> heard = new ArrayList<>();

        Watch(String... words) throws IOException {
            List<String> command = new ArrayList<>(List.of(
                    Distribution.home().resolve("bin/jvmmctl").toString(),
                    "--socket",
                    ctl.socket().toString()));
            command.addAll(List.of(words));
            process = new ProcessBuilder(command).redirectErrorStream(true).start();
            Thread.ofPlatform().daemon().start(() -> {
                try (BufferedReader in = process.inputReader(StandardCharsets.UTF_8)) {
                    in.lines().forEach(lines::add);
                } catch (IOException | java.io.UncheckedIOException e) {
                    lines.add(e.toString());
                }
            });
        }

        String await(String part) throws InterruptedException {
            long endNs = System.nanoTime() + SOON.toNanos();
            while (System.nanoTime() < endNs) {
                String line = lines.poll(endNs - System.nanoTime(), TimeUnit.NANOSECONDS);
                if (line != null) {
                    heard.add(line);
                    if (line.contains(part)) {
                        return line;
                    }
                }
            }
            throw new AssertionError("no line with " + part + " in " + heard);
        }

        @Override
        public void close() {
            process.destroy();
            process.onExit().join();
        }
    }

    private void watched(DebianMachine m) throws Exception {
        try (Watch watch = new Watch("device", "inspect", "rng0", "device.by", "--watch", "100ms")) {
            watch.await("device.bytes = ");
            m.run("dd if=/dev/hwrng of=/dev/null bs=64 count=16 2>/dev/null");
            String line = watch.await(" (was ");
            assertTrue(line.matches("[0-9:.]{12} device\\.bytes = [0-9]+ \\(was [0-9]+\\)"), line);
        }
    }

    /** Its state stays as it was, and is readable while nobody serves it. */
    private void killed(DebianMachine m) throws Exception {
        BigInteger before = inspect("rng0").raw("device.bytes");
        long pid = JsonParser.parseString(
                        ctl.done("--json", "device", "inspect", "rng").text())
                .getAsJsonObject()
                .get("pid")
                .getAsLong();
        try (Watch watch = new Watch("device", "inspect", "rng", "--watch", "10ms")) {
            watch.await("device.bytes = ");
            ctl.done("device", "kill", "rng");
            String line = watch.await("# rng: process rng, ");
            assertTrue(!line.contains("pid " + pid + ","), line);
        }
        String row = "";
        for (int i = 0; i < 300 && !row.matches("rng +rng +[0-9]+ +serving +1 .*"); i++) {
            Thread.sleep(100);
            row = ctl.done("device", "list")
                    .text()
                    .lines()
                    .filter(l -> l.startsWith("rng "))
                    .findFirst()
                    .orElseThrow();
        }
        assertTrue(row.matches("rng +rng +[0-9]+ +serving +1 .*"), row);
        // Not from 0 again; Linux asks it for some bytes of its own accord, too.
        assertTrue(inspect("rng0").raw("device.bytes").compareTo(before) >= 0);
        m.run("dd if=/dev/hwrng of=/dev/null bs=64 count=16 2>/dev/null");
        assertTrue(inspect("rng0").raw("device.bytes").compareTo(before) > 0);
    }

    private void refusals() throws IOException, InterruptedException {
        assertTrue(ctl.refused("device", "inspect", "vcpu").contains("registers of the processors"));
        String none = ctl.refused("device", "inspect", "block7");
        assertTrue(none.contains("there is no device \"block7\". There are serial0, serial1, platform, "), none);
        assertTrue(ctl.refused("device", "inspect", "rng0", "nothing").contains("no field begins with \"nothing\""));
        assertTrue(ctl.refused("device", "links", "block7").contains("there is no process and no device block7"));
    }
}
