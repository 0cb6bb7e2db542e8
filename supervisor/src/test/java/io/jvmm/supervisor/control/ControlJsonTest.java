package io.jvmm.supervisor.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Lines as supervisor/CONTROL.md has them. */
class ControlJsonTest {
    private static ControlRequest request(String line) {
        ControlJson.Line read = ControlJson.read(line);
        return read.request().orElseThrow(() -> new AssertionError(read));
    }

    private static String fault(String line) {
        ControlReply.Failed fault = ControlJson.read(line).fault().orElseThrow();
        return fault.field().orElse("") + ": " + fault.message();
    }

    @Test
    void everyVerb() {
        assertEquals(new ControlRequest.Status(), request("{\"do\":\"status\"}"));
        assertEquals(new ControlRequest.Devices(), request(" { \"do\" : \"device-list\" } "));
        assertEquals(new ControlRequest.Stalls(), request("{\"do\":\"stalls\"}"));
        assertEquals(new ControlRequest.Pause(), request("{\"do\":\"pause\"}"));
        assertEquals(new ControlRequest.Resume(), request("{\"do\":\"resume\"}"));
        assertEquals(new ControlRequest.PowerButton(), request("{\"do\":\"power-button\"}"));
        assertEquals(new ControlRequest.Stop(), request("{\"do\":\"stop\"}"));
        assertEquals(new ControlRequest.Restart("block"), request("{\"do\":\"device-restart\",\"device\":\"block\"}"));
        assertEquals(new ControlRequest.Kill("net-a"), request("{\"device\":\"net-a\",\"do\":\"device-kill\"}"));
        assertEquals(
                new ControlRequest.Upgrade("block", Path.of("/opt/jvmm")),
                request("{\"do\":\"device-upgrade\",\"device\":\"block\",\"dist\":\"/opt/x/../jvmm\"}"));
    }

    @Test
    void theIdComesBack() {
        assertEquals(
                Optional.of("7"),
                ControlJson.read("{\"id\":7,\"do\":\"status\"}").id());
        assertEquals(
                Optional.of("a"),
                ControlJson.read("{\"id\":\"a\",\"do\":\"nothing\"}").id());
        assertEquals(
                "{\"id\":\"7\",\"ok\":true,\"message\":\"done\"}\n",
                ControlJson.write(Optional.of("7"), new ControlReply.Done("done")));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "`` | `: is not JSON`",
                "`{` | `: is not JSON`",
                "`{do:\"status\"}` | `: is not JSON`",
                "`{\"do\":\"status\"} {}` | `: is not JSON`",
                "`[1]` | `: a request is an object`",
                "`\"status\"` | `: a request is an object`",
                "`{}` | `do: is missing. Give one of \"status\"`",
                "`{\"do\":\"reboot\"}` | `do: \"reboot\" is not known. Use one of`",
                "`{\"do\":1}` | `do: must be a string`",
                "`{\"do\":null}` | `do: must be a string`",
                "`{\"do\":{}}` | `do: must be a string`",
                "`{\"do\":\"status\",\"do\":\"stop\"}` | `do: is given twice`",
                "`{\"do\":\"status\",\"device\":\"block\"}` | `device: \"status\" takes no further field`",
                "`{\"do\":\"device-kill\"}` | `device: is missing`",
                "`{\"do\":\"device-kill\",\"device\":\"\"}` | `device: is missing`",
                "`{\"do\":\"device-upgrade\",\"device\":\"b\"}` | `dist: is missing`",
                "`{\"do\":\"device-upgrade\",\"device\":\"b\",\"dist\":\"x\"}` | `dist: \"x\" is relative`",
                "`{\"do\":\"device-upgrade\",\"device\":\"b\",\"dist\":\"/\\u0000\"}` | `is not a path`",
            })
    void whatIsWrongIsNamedWithTheCure(String line, String expected) {
        assertTrue(fault(line).contains(expected), fault(line));
    }

    @Test
    void longNamesAndDepthAreRefused() {
        assertTrue(fault("{\"do\":\"device-kill\",\"device\":\"" + "x".repeat(200) + "\"}")
                .startsWith("device: no device"));
        assertTrue(
                fault("{\"id\":\"" + "x".repeat(200) + "\",\"do\":\"status\"}").startsWith("id: is longer"));
        assertTrue(fault("[".repeat(2000)).startsWith(": a request is an object"));
        assertTrue(fault("{\"do\":" + "[".repeat(2000)).startsWith("do: must be a string"));
    }

    @Test
    void repliesAreOneLineEach() {
        String line = ControlJson.write(Optional.empty(), ControlReply.Failed.field("device", "no\n\"such\"\u001b[1m"));
        assertEquals("{\"ok\":false,\"field\":\"device\",\"error\":\"no\\n\\\"such\\\"\\u001b[1m\"}\n", line);
        assertEquals(
                "{\"ok\":true,\"vm\":\"a\",\"phase\":\"running\",\"uptimeMs\":1,\"engine\":\"kvm\",\"vcpus\":2,"
                        + "\"memoryBytes\":3,\"pid\":4}\n",
                ControlJson.write(Optional.empty(), new ControlReply.Status("a", "running", 1, "kvm", 2, 3, 4)));
        assertEquals(
                "{\"ok\":true,\"devices\":[{\"name\":\"block-a\",\"class\":\"block\",\"devices\":[\"block0\"],\"pid\":9,"
                        + "\"state\":\"serving\",\"restarts\":1,\"spare\":true,\"stateVersion\":65537,\"program\":\"0.1\","
                        + "\"links\":\"connected\",\"distribution\":\"/opt\"}]}\n",
                ControlJson.write(
                        Optional.empty(),
                        new ControlReply.Devices(List.of(new ControlReply.Device(
                                "block-a",
                                "block",
                                List.of("block0"),
                                9,
                                "serving",
                                1,
                                true,
                                OptionalInt.of(65537),
                                "0.1",
                                "connected",
                                "/opt")))));
        assertEquals(
                "{\"ok\":true,\"device\":\"rng0\",\"process\":\"rng\",\"class\":\"rng\",\"part\":0,\"pid\":9,"
                        + "\"distribution\":\"/opt\",\"stateVersion\":65537,\"sequence\":3,\"ringPosition\":64,"
                        + "\"entries\":{\"a\":\"1\",\"b\":\"2\"},\"state\":\"AQI=\"}\n",
                ControlJson.write(
                        Optional.empty(),
                        new ControlReply.DeviceState(
                                "rng0",
                                "rng",
                                "rng",
                                0,
                                9,
                                "/opt",
                                65537,
                                3,
                                64,
                                Map.of("b", "2", "a", "1"),
                                new byte[] {1, 2})));
        assertEquals(
                "{\"ok\":true,\"stalls\":[{\"class\":\"rng\",\"what\":\"stall\",\"count\":1,\"p50Ns\":2,\"p99Ns\":3,"
                        + "\"maxNs\":4}]}\n",
                ControlJson.write(
                        Optional.empty(),
                        new ControlReply.Stalls(List.of(new ControlReply.Stall("rng", "stall", 1, 2, 3, 4)))));
        assertEquals(
                "{\"ok\":true,\"upgrades\":[{\"device\":\"rng\",\"fromVersion\":1,\"toVersion\":2,\"blackoutNs\":3}]}\n",
                ControlJson.write(
                        Optional.empty(),
                        new ControlReply.Upgraded(List.of(new ControlReply.Upgrade("rng", 1, 2, 3)))));
    }

    /** Whatever comes is a request or has a fault. */
    @Test
    void noLineIsTooMuch() {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        String good = "{\"id\":12,\"do\":\"device-upgrade\",\"device\":\"block\",\"dist\":\"/opt/jvmm\"}";
        for (int round = 0; round < 20_000; round++) {
            StringBuilder line = new StringBuilder(good);
            for (int n = random.nextInt(4); n >= 0; n--) {
                int at = random.nextInt(line.length());
                switch (random.nextInt(3)) {
                    case 0 -> line.setCharAt(at, (char) random.nextInt(random.nextBoolean() ? 128 : 65536));
                    case 1 -> line.deleteCharAt(at);
                    default -> line.insert(at, "{}[]\",:\\e-0".charAt(random.nextInt(11)));
                }
            }
            ControlJson.Line read = ControlJson.read(line.toString());
            assertEquals(read.request().isEmpty(), read.fault().isPresent(), line.toString());
        }
    }

    @Test
    void whatTheRecorderHasNotSaidIsAbsentAndNotNought() {
        String unknown = ControlJson.write(
                Optional.empty(),
                new ControlReply.Journal(
                        "/j",
                        0,
                        List.of(ControlReply.Recorded.unknown("serial", 3)),
                        ControlReply.Journal.UNKNOWN,
                        ControlReply.Journal.UNKNOWN,
                        "no recorder"));
        assertEquals(
                "{\"ok\":true,\"journal\":\"/j\",\"recorder\":0,\"trouble\":\"no recorder\",\"recorded\":[{\"device\":\"serial\",\"life\":3}]}\n",
                unknown);
        String known = ControlJson.write(
                Optional.empty(),
                new ControlReply.Journal("/j", 7, List.of(new ControlReply.Recorded("serial", 3, 0, 0, 0)), 1, 0, ""));
        assertTrue(known.contains("\"lives\":1,\"bytes\":0") && known.contains("\"batches\":0"), known);
    }
}
