package io.jvmm.ipc.boot;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.ipc.sys.UnixSocket;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** PROTOCOL.md, "Boot record". */
@Timeout(60)
class BootRecordTest {
    private static final long SECOND = 1_000_000_000L;

    private final UnixSocket.Pair pair = UnixSocket.seqPacketPair();
    private final BootChannel child = BootChannel.over(pair.right().fd());
    private final EventFd eventFd = EventFd.create();

    @AfterEach
    void close() {
        pair.close();
        eventFd.close();
    }

    private static byte[] hex(String hex) {
        return HexFormat.ofDelimiter(" ").parseHex(hex);
    }

    private static long openDescriptors() throws IOException {
        try (var list = Files.list(Path.of("/proc/self/fd"))) {
            return list.count();
        }
    }

    @Test
    void goldenBytes() {
        BootRecord record = BootRecord.builder()
                .fd("link", eventFd.fd())
                .put("vm", "ä")
                .put("n", 42)
                .build();
        BootRecordEncoder.Datagram datagram = BootRecordEncoder.encode(record).getFirst();
        assertEquals(
                "4a 56 4d 42 01 00 01 00 02 00 00 00 "
                        + "04 6c 69 6e 6b "
                        + "02 00 76 6d 02 00 00 00 c3 a4 "
                        + "01 00 6e 02 00 00 00 34 32",
                HexFormat.ofDelimiter(" ").formatHex(datagram.bytes()));
        assertEquals(List.of(eventFd.fd()), datagram.fds());
    }

    @Test
    void aRecordArrivesWhole() {
        BootRecord sent = BootRecord.builder()
                .fd("link", eventFd.fd())
                .fd("memory", eventFd.fd())
                .put("process", "serial")
                .put("ports", 4)
                .put("big", 1L << 40)
                .put("blob", new byte[] {0, -1, 7})
                .put("empty", "")
                .build();
        try (BootChannel parent = BootChannel.over(pair.left().fd())) {
            parent.send(sent);
            BootRecord received = child.receive(SECOND);
            assertEquals(List.of("link", "memory"), List.copyOf(received.fdNames()));
            assertEquals("serial", received.text("process"));
            assertEquals(4, received.integer("ports"));
            assertEquals(1L << 40, received.longInteger("big"));
            assertArrayEquals(new byte[] {0, -1, 7}, received.bytes("blob"));
            assertEquals("", received.text("empty"));
            assertEquals(Optional.empty(), received.findText("none"));
            assertEquals(Optional.empty(), received.findFd("none"));
            assertTrue(eventFd.fd().isOpen(), "the sender keeps its descriptors");
            try (EventFd theirs = EventFd.of(received.fd("link"))) {
                theirs.signal();
            }
            assertEquals(1, eventFd.drain());
            received.fd("memory").close();
        }
    }

    @Test
    void aLargeRecordTakesSeveralDatagrams() {
        BootRecord.Builder builder = BootRecord.builder();
        for (int i = 0; i < 150; i++) {
            builder.fd("fd." + i, eventFd.fd());
        }
        for (int i = 0; i < 40; i++) {
            builder.put("value." + i, new byte[10_000 + i]);
        }
        builder.put("largest", new byte[65536 - 12 - 2 - 7 - 4]);
        BootRecord sent = builder.build();
        assertTrue(BootRecordEncoder.encode(sent).size() >= 8);
        Thread sender = Thread.ofPlatform()
                .start(() -> BootChannel.over(pair.left().fd()).send(sent));
        BootRecord received = child.receive(50 * SECOND);
        assertEquals(List.copyOf(sent.fdNames()), List.copyOf(received.fdNames()));
        assertEquals(List.copyOf(sent.keys()), List.copyOf(received.keys()));
        assertEquals(10_039, received.bytes("value.39").length);
        assertEquals(65511, received.bytes("largest").length);
        received.fdNames().forEach(name -> received.fd(name).close());
        assertTrue(sender.isAlive() || !sender.isInterrupted());
    }

    private static void assertMessage(String part, Executable failing) {
        String message = String.valueOf(
                assertThrows(IllegalArgumentException.class, failing).getMessage());
        assertTrue(message.contains(part), message);
    }

    @Test
    void whatIsMissingIsNamed() {
        BootRecord record = BootRecord.builder().put("ports", "many").build();
        assertMessage("\"kvm\"", () -> record.fd("kvm"));
        assertMessage("\"vm\"", () -> record.text("vm"));
        assertMessage("\"many\"", () -> record.integer("ports"));
    }

    @Test
    void whatCannotBeSentIsRefused() {
        BootRecord.Builder builder = BootRecord.builder().fd("a", eventFd.fd()).put("k", "v");
        assertThrows(IllegalArgumentException.class, () -> builder.fd("a", eventFd.fd()));
        assertThrows(IllegalArgumentException.class, () -> builder.put("k", "w"));
        for (BootRecord bad : new BootRecord[] {
            BootRecord.builder().fd("", eventFd.fd()).build(),
            BootRecord.builder().fd("x".repeat(256), eventFd.fd()).build(),
            BootRecord.builder().put("", "v").build(),
            BootRecord.builder().put("k", new byte[65536]).build()
        }) {
            assertThrows(IllegalArgumentException.class, () -> BootRecordEncoder.encode(bad));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "4a 56 4d, its length is 3",
        "4b 56 4d 42 01 00 00 00 00 00 00 00, its magic",
        "4a 56 4d 42 02 00 00 00 00 00 00 00, its version is 2",
        "4a 56 4d 42 01 00 01 00 00 00 00 00 01 61, 0 descriptors and names 1",
        "4a 56 4d 42 01 00 00 00 00 00 02 00, its flags are 2",
        "4a 56 4d 42 01 00 00 00 01 00 00 00, a name has 0",
        "4a 56 4d 42 01 00 00 00 01 00 00 00 05 00 61, a name has 5",
        "4a 56 4d 42 01 00 00 00 01 00 00 00 01 00 ff 00 00 00 00, a name is no UTF-8",
        "4a 56 4d 42 01 00 00 00 01 00 00 00 01 00 61 00 00 00, has a length of",
        "4a 56 4d 42 01 00 00 00 01 00 00 00 01 00 61 ff ff ff ff 00, has a length of 4294967295",
        "4a 56 4d 42 01 00 00 00 02 00 00 00 01 00 61 00 00 00 00 01 00 61 00 00 00 00, a key is double",
        "4a 56 4d 42 01 00 00 00 00 00 00 00 00, bytes left over: 1"
    })
    void aBadDatagramIsRefusedWithItsReason(String bytes, String reason) {
        pair.left().send(hex(bytes));
        BootFormatException e = assertThrows(BootFormatException.class, () -> child.receive(SECOND));
        assertTrue(String.valueOf(e.getMessage()).contains(reason), e.getMessage());
        assertFalse(e.isEnd());
        String first = bytes.substring(0, Math.min(bytes.length(), "4a 56 4d".length()));
        assertTrue(String.valueOf(e.getMessage()).contains("; it begins " + first), e.getMessage());
    }

    @Test
    void thatTheOtherEndClosesIsNoViolation() {
        pair.left().close();
        assertTrue(assertThrows(BootFormatException.class, () -> child.receive(SECOND))
                .isEnd());
    }

    @Test
    void descriptorsOfARefusedRecordAreClosed() throws IOException {
        long before = openDescriptors();
        pair.left().send(hex("4a 56 4d 42 01 00 01 00 00 00 01 00 01 61"), List.of(eventFd.fd()));
        pair.left().send(hex("4a 56 4d 42 01 00 01 00 00 00 00 00 01 61"), List.of(eventFd.fd()));
        BootFormatException e = assertThrows(BootFormatException.class, () -> child.receive(SECOND));
        assertTrue(String.valueOf(e.getMessage()).contains("a name is double"), e.getMessage());
        assertEquals(before, openDescriptors());
    }

    @Test
    void anEndlessRecordIsRefused() {
        byte[] more = hex("4a 56 4d 42 01 00 00 00 00 00 01 00");
        Thread sender = Thread.ofPlatform().daemon().start(() -> {
            for (int i = 0; i < 70; i++) {
                pair.left().send(more);
            }
        });
        assertThrows(BootFormatException.class, () -> child.receive(50 * SECOND));
        sender.interrupt();
    }

    @Test
    void aChildThatNeverReadsDoesNotKeepTheSupervisor() {
        BootRecord.Builder builder = BootRecord.builder();
        for (int i = 0; i < 40; i++) {
            builder.put("value." + i, new byte[60_000]);
        }
        BootRecord record = builder.build();
        BootChannel parent = BootChannel.over(pair.left().fd());
        SysException e =
                assertThrows(SysException.TimedOut.class, () -> parent.send(record, "process serial", 20_000_000));
        assertTrue(e.toString().contains("process serial"), e.toString());
        pair.right().close();
        assertThrows(SysException.Disconnected.class, () -> parent.send(record, "process serial", SECOND));
    }

    @Test
    void nothingOrAnEarlyEndIsNoRecord() {
        assertThrows(SysException.TimedOut.class, () -> child.receive(1_000_000));
        pair.left().send(hex("4a 56 4d 42 01 00 00 00 00 00 01 00"));
        pair.left().close();
        assertThrows(BootFormatException.class, () -> child.receive(SECOND));
    }

    @Test
    void noiseIsRefusedNeverThrowsAnythingElse() {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        byte[] good = BootRecordEncoder.encode(BootRecord.builder()
                        .put("one", "value")
                        .put("two", "another value")
                        .build())
                .getFirst()
                .bytes();
        for (int i = 0; i < 20_000; i++) {
            byte[] bad = random.nextBoolean()
                    ? good.clone()
                    : java.util.Arrays.copyOf(good, random.nextInt(good.length + 8));
            if (bad.length > 0) {
                bad[random.nextInt(bad.length)] = (byte) random.nextInt();
            }
            try {
                new BootRecordDecoder().add(bad, List.<Fd>of());
            } catch (BootFormatException expected) {
                assertTrue(String.valueOf(expected.getMessage()).startsWith("boot record"), expected.getMessage());
            }
        }
        assertTrue(new String(good, StandardCharsets.ISO_8859_1).startsWith("JVMB"));
    }
}
