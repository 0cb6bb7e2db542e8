package io.jvmm.ipc.link;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Mapping;
import io.jvmm.ipc.sys.MemFd;
import java.util.HexFormat;
import java.util.Random;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** PROTOCOL.md, "Link": the header and what a receiver must check in it. */
class LinkMemoryTest {
    private final LinkMemory link = LinkMemory.create("test-link", new LinkSpec(LinkKind.DEVICE, 2, 4096, 8192));
    private final Mapping raw = Mapping.shared(link.fd(), 0, 4096, Mapping.Access.READ_WRITE);
    private final UnsafeBuffer header = raw.buffer();

    @AfterEach
    void close() {
        raw.close();
        link.close();
    }

    private LinkMemory attach(LinkKind kind) {
        Fd copy = link.fd().duplicate();
        try {
            return LinkMemory.attach(copy, kind);
        } catch (LinkFormatException e) {
            copy.close();
            throw e;
        }
    }

    @Test
    void goldenHeader() {
        byte[] bytes = new byte[4096];
        header.getBytes(0, bytes);
        assertEquals(
                "4a 56 4d 4d 4c 49 4e 4b 01 00 00 00 00 10 00 00 01 00 00 00 02 00 00 00 "
                        + "00 10 00 00 00 00 00 00 00 13 00 00 00 00 00 00 " // request ring: 4096, 4096 + 768
                        + "00 23 00 00 00 00 00 00 00 23 00 00 00 00 00 00 " // event ring: 8960, 8192 + 768
                        + "00 46 00 00 00 00 00 00 00 01 00 00 00 00 00 00 " // reply slots: 17920, 2 × 128
                        + "00 47 00 00 00 00 00 00 00 02 00 00 00 00 00 00 " // doorbell words: 18176, 512
                        + "00 50 00 00 00 00 00 00" // 20480
                        + " 00".repeat(4000),
                HexFormat.ofDelimiter(" ").formatHex(bytes));
    }

    @Test
    void whatWasMadeCanBeAttached() {
        try (LinkMemory attached = attach(LinkKind.DEVICE)) {
            assertEquals(link.spec(), attached.spec());
            link.replySlots().putLong(8, 42);
            assertEquals(42, attached.replySlots().getLong(8));
            attached.prefault();
        }
        try (LinkMemory supervisor = LinkMemory.create(LinkSpec.supervisor())) {
            LinkMemory.attach(supervisor.fd().duplicate(), LinkKind.SUPERVISOR).close();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "0, 1, magic",
        "8, 3, major version",
        "12, 1, header length",
        "16, 3, kind",
        "21, 1, reply slots",
        "20, 1, offset of the doorbell words",
        "23, 128, reply slots",
        "24, 128, offset of the request ring",
        "32, 8, capacity of the request ring",
        "33, 48, offset of the event ring",
        "39, 128, capacity of the request",
        "40, 128, offset of the event ring",
        "48, 1, capacity of the event ring",
        "56, 8, offset of the reply slots",
        "64, 128, length of the reply slots",
        "72, 1, offset of the doorbell",
        "80, 128, length of the doorbell",
        "89, 16, total length",
        "95, 128, total length"
    })
    void aWrongFieldIsNamed(int offset, int flip, String what) {
        header.putByte(offset, (byte) (header.getByte(offset) ^ flip));
        LinkFormatException e = assertThrows(LinkFormatException.class, () -> attach(LinkKind.DEVICE));
        assertTrue(String.valueOf(e.getMessage()).contains(what), e.getMessage());
    }

    @Test
    void aLaterMinorVersionIsAccepted() {
        header.putShort(10, (short) 7);
        attach(LinkKind.DEVICE).close();
    }

    @Test
    void theOtherKindIsRefused() {
        assertThrows(LinkFormatException.class, () -> attach(LinkKind.SUPERVISOR));
    }

    @Test
    void theHeaderIsReadOnceOnly() {
        try (LinkMemory attached = attach(LinkKind.DEVICE)) {
            header.setMemory(0, 4096, (byte) 0xff);
            assertEquals(2, attached.spec().replySlots());
        }
    }

    @Test
    void noiseIsRefusedAndNothingElseHappens() {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        byte[] good = new byte[96];
        header.getBytes(0, good);
        for (int i = 0; i < 3_000; i++) {
            byte[] bad = good.clone();
            for (int j = random.nextInt(3); j >= 0; j--) {
                bad[random.nextInt(96)] = (byte) random.nextInt();
            }
            header.putBytes(0, bad);
            try {
                attach(LinkKind.DEVICE).close();
            } catch (LinkFormatException expected) {
                assertTrue(String.valueOf(expected.getMessage()).startsWith("header of the link"));
            }
        }
    }

    @Test
    void whatIsNoSealedMemFdIsRefused() {
        try (MemFd unsealed = MemFd.create("test", 65536);
                EventFd eventFd = EventFd.create()) {
            assertThrows(LinkFormatException.class, () -> LinkMemory.attach(unsealed.fd(), LinkKind.DEVICE));
            assertThrows(LinkFormatException.class, () -> LinkMemory.attach(eventFd.fd(), LinkKind.DEVICE));
        }
    }

    @Test
    void sizesHaveLimits() {
        assertThrows(IllegalArgumentException.class, () -> new LinkSpec(LinkKind.DEVICE, 257, 4096, 4096));
        assertThrows(IllegalArgumentException.class, () -> new LinkSpec(LinkKind.DEVICE, -1, 4096, 4096));
        assertThrows(IllegalArgumentException.class, () -> new LinkSpec(LinkKind.DEVICE, 1, 5000, 4096));
        assertThrows(IllegalArgumentException.class, () -> new LinkSpec(LinkKind.DEVICE, 1, 4096, 2048));
        assertThrows(IllegalArgumentException.class, () -> new LinkSpec(LinkKind.DEVICE, 1, 4096, 1 << 21));
        assertThrows(IllegalArgumentException.class, () -> new WaitPolicy(-1, 1));
        assertThrows(IllegalArgumentException.class, () -> new WaitPolicy(0, 0));
    }
}
