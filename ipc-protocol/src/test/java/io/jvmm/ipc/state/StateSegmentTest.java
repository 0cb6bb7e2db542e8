package io.jvmm.ipc.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.Allocations;
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

/** PROTOCOL.md, "State segment" and "Commit rule". */
class StateSegmentTest {
    private static final int DEVICE = 7;
    private static final int VERSION = 3;
    private static final int LENGTH = 20;

    private final StateSegment segment = StateSegment.create("test-state", DEVICE, VERSION, LENGTH);
    private final Mapping raw = Mapping.shared(segment.fd(), 0, 4096, Mapping.Access.READ_WRITE);
    private final UnsafeBuffer bytes = raw.buffer();

    @AfterEach
    void close() {
        raw.close();
        segment.close();
    }

    private StateSegment adopt() {
        return StateSegment.adopt(segment.fd().duplicate(), DEVICE, VERSION, LENGTH);
    }

    private String hex(int offset, int length) {
        byte[] copy = new byte[length];
        bytes.getBytes(offset, copy);
        return HexFormat.ofDelimiter(" ").formatHex(copy);
    }

    @Test
    void goldenBytes() {
        assertEquals(
                "4a 56 4d 4d 53 54 41 54 07 00 00 00 03 00 00 00 14 00 00 00 01 00 00 00" + " 00".repeat(104),
                hex(0, 128));
        for (int i = 0; i < LENGTH; i++) {
            segment.working().putByte(i, (byte) (i + 1));
        }
        segment.commit(0x1000);
        assertEquals("01 00 00 00 00 00 00 00", hex(64, 8), "sequence");
        // Slot 1 at 128 + 64: state, padding, ring position, sequence, CRC32C (checked with an independent program).
        assertEquals(
                "01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 11 12 13 14 00 00 00 00 "
                        + "00 10 00 00 00 00 00 00 01 00 00 00 00 00 00 00",
                hex(192, 40));
        assertEquals(bitwiseCrc32c(192, 40), bytes.getInt(232));
        assertEquals("00 ".repeat(63) + "00", hex(128, 64), "slot 0 is untouched");
    }

    /** CRC-32C as RFC 3720 appendix B.4 and the Castagnoli polynomial define it, bit by bit. */
    private int bitwiseCrc32c(int offset, int length) {
        int crc = -1;
        for (int i = 0; i < length; i++) {
            crc ^= Byte.toUnsignedInt(bytes.getByte(offset + i));
            for (int bit = 0; bit < 8; bit++) {
                crc = (crc >>> 1) ^ ((crc & 1) != 0 ? 0x82F63B78 : 0);
            }
        }
        return ~crc;
    }

    @Test
    void theBitwiseChecksumIsTheStandardOne() {
        byte[] check = "123456789".getBytes(java.nio.charset.StandardCharsets.US_ASCII);
        bytes.putBytes(1024, check);
        assertEquals(0xE3069283, bitwiseCrc32c(1024, 9), "check value of CRC-32C");
    }

    @Test
    void aNewSegmentIsFresh() {
        assertTrue(segment.fresh());
        StateSegment adopted = adopt();
        assertTrue(adopted.fresh());
        assertEquals(0, adopted.ringPosition());
        assertEquals(0, adopted.sequence());
        adopted.close();
    }

    @Test
    void aSuccessorFindsTheLastCommit() {
        for (int i = 1; i <= 10; i++) {
            segment.working().putInt(0, i);
            segment.commit(8L * i);
            segment.working().putInt(0, -1); // work in progress, never committed
            StateSegment adopted = adopt();
            assertFalse(adopted.fresh());
            assertEquals(i, adopted.working().getInt(0));
            assertEquals(8L * i, adopted.ringPosition());
            assertEquals(i, adopted.sequence());
            adopted.close();
        }
        segment.commit();
        assertEquals(80, segment.ringPosition());
    }

    @Test
    void theWorkingCopyIsPrivate() {
        segment.working().putLong(0, -1);
        assertEquals("00 ".repeat(127) + "00", hex(128, 128));
        assertThrows(IndexOutOfBoundsException.class, () -> segment.working().putInt(LENGTH - 3, 0));
    }

    /** A kill between any two stores of a commit, in any order a compiler may give those before the sequence. */
    @Test
    void aKillAtAnyStoreLeavesTheLastCommit() {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        for (int round = 1; round <= 200; round++) {
            for (int i = 0; i < LENGTH / 4; i++) {
                segment.working().putInt(4 * i, random.nextInt());
            }
            int stateBefore = adoptedState();
            byte[] before = image();
            segment.commit(8L * round);
            int stateAfter = segment.working().getInt(0);
            byte[] after = image();
            for (int attempt = 0; attempt < 8; attempt++) {
                byte[] torn = before.clone();
                for (int i = 128; i < torn.length; i++) {
                    if (random.nextInt(2) == 0) {
                        torn[i] = after[i];
                    }
                }
                bytes.putBytes(0, torn);
                assertEquals(stateBefore, adoptedState(), "killed before the sequence moved, seed " + seed);
            }
            for (int prefix = 128; prefix <= 256; prefix++) {
                System.arraycopy(after, 0, before, 128, 0);
                byte[] torn = before.clone();
                System.arraycopy(after, 128, torn, 128, prefix - 128);
                bytes.putBytes(0, torn);
                assertEquals(stateBefore, adoptedState(), "killed after " + prefix + " bytes, seed " + seed);
            }
            bytes.putBytes(0, after);
            assertEquals(stateAfter, adoptedState(), "killed after the sequence moved");
        }
    }

    private byte[] image() {
        byte[] image = new byte[256];
        bytes.getBytes(0, image);
        return image;
    }

    private int adoptedState() {
        StateSegment adopted = adopt();
        int state = adopted.working().getInt(0);
        adopted.close();
        return state;
    }

    @ParameterizedTest
    @CsvSource({
        "0, 1, magic",
        "8, 1, device",
        "12, 1, version of the state",
        "16, 1, length of the state",
        "20, 1, layout version",
        "71, 128, sequence",
        "192, 1, CRC of the committed slot",
        "211, 1, CRC of the committed slot",
        "216, 1, CRC of the committed slot",
        "224, 1, sequence of the committed slot",
        "232, 1, CRC of the committed slot"
    })
    void aDamagedSegmentIsRefused(int offset, int flip, String what) {
        segment.commit(8);
        bytes.putByte(offset, (byte) (bytes.getByte(offset) ^ flip));
        StateFormatException e = assertThrows(StateFormatException.class, this::adopt);
        assertTrue(String.valueOf(e.getMessage()).contains(what), e.getMessage());
    }

    @Test
    void aRingPositionThatIsNoneIsRefused() {
        segment.commit(4);
        assertThrows(StateFormatException.class, this::adopt);
        segment.commit(-8);
        assertThrows(StateFormatException.class, this::adopt);
        segment.commit(8);
        adopt().close();
    }

    @Test
    void aSequenceThatPointsAtTheOtherSlotIsRefused() {
        segment.commit(8);
        segment.commit(16);
        bytes.putLong(64, 3);
        assertThrows(StateFormatException.class, this::adopt);
        bytes.putLong(64, 1);
        assertEquals(8, adopt().ringPosition(), "a sequence put back finds the slot of then: both slots are whole");
    }

    /** The supervisor keeps an empty memfd for a device whose length of state it does not know. */
    @Test
    void aSegmentIsMadeOnceInAnEmptyMemFdAndAdoptedFromThenOn() {
        try (MemFd empty = MemFd.createEmpty("test-state")) {
            StateSegment first = StateSegment.adoptOrCreate(empty.fd().duplicate(), DEVICE, VERSION, LENGTH);
            assertTrue(first.fresh());
            assertTrue(empty.hasSeals(MemFd.SEALS_FIXED_SIZE));
            first.working().putInt(0, 5);
            first.commit(8);
            first.close();
            StateSegment second = StateSegment.adoptOrCreate(empty.fd().duplicate(), DEVICE, VERSION, LENGTH);
            assertEquals(5, second.working().getInt(0));
            second.close();
        }
    }

    /** Killed while it made its segment: at each of the stages its successor makes it anew. */
    @Test
    void aHalfMadeSegmentIsMadeAgain() {
        int length = new StateSegmentLayout(LENGTH).totalLength();
        try (MemFd unsealed = MemFd.create("test-state", length);
                MemFd sealed = MemFd.createSealed("test-state", length);
                MemFd halfHeader = MemFd.createSealed("test-state", length);
                Mapping half = halfHeader.map()) {
            half.buffer().putInt(StateSegmentLayout.HEADER_DEVICE, DEVICE);
            for (MemFd memFd : new MemFd[] {unsealed, sealed, halfHeader}) {
                StateSegment made = StateSegment.adoptOrCreate(memFd.fd().duplicate(), DEVICE, VERSION, LENGTH);
                assertTrue(made.fresh());
                assertTrue(memFd.hasSeals(MemFd.SEALS_FIXED_SIZE));
                made.close();
                StateSegment.adopt(memFd.fd().duplicate(), DEVICE, VERSION, LENGTH)
                        .close();
            }
        }
    }

    @Test
    void aSegmentThatLostItsMagicIsNotMadeAnew() {
        segment.commit(8);
        bytes.putLong(0, 0);
        assertThrows(
                StateFormatException.class,
                () -> StateSegment.adoptOrCreate(segment.fd().duplicate(), DEVICE, VERSION, LENGTH));
    }

    @Test
    void anotherDevicesSegmentIsRefused() {
        for (int[] expected : new int[][] {{8, 3, 20}, {7, 2, 20}, {7, 3, 21}, {7, 3, 4000}}) {
            Fd copy = segment.fd().duplicate();
            assertThrows(
                    StateFormatException.class, () -> StateSegment.adopt(copy, expected[0], expected[1], expected[2]));
            copy.close();
        }
    }

    @Test
    void whatIsNoSealedMemFdIsRefused() {
        try (MemFd unsealed = MemFd.create("test", 4096);
                EventFd eventFd = EventFd.create()) {
            assertThrows(StateFormatException.class, () -> StateSegment.adopt(unsealed.fd(), DEVICE, VERSION, LENGTH));
            assertThrows(StateFormatException.class, () -> StateSegment.adopt(eventFd.fd(), DEVICE, VERSION, LENGTH));
        }
    }

    @Test
    void corruptionIsNeverAdoptedNorThrowsAnythingElse() {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        segment.working().putLong(0, 0x1234);
        segment.commit(64);
        byte[] good = image();
        for (int i = 0; i < 5_000; i++) {
            byte[] bad = good.clone();
            bad[random.nextInt(bad.length)] ^= (byte) (1 + random.nextInt(255));
            bytes.putBytes(0, bad);
            try {
                StateSegment adopted = adopt();
                assertTrue(adopted.fresh() || adopted.working().getLong(0) == 0x1234, "seed " + seed);
                adopted.close();
            } catch (StateFormatException expected) {
                assertTrue(String.valueOf(expected.getMessage()).startsWith("state segment"));
            }
        }
    }

    @Test
    void committingAllocatesNothing() {
        Allocations.assertNone("commit", () -> {
            segment.working().putLong(8, 1);
            segment.commit(8);
        });
    }

    @Test
    void lengthsHaveLimits() {
        assertThrows(IllegalArgumentException.class, () -> StateSegment.create("x", 1, 1, 0));
        assertThrows(IllegalArgumentException.class, () -> StateSegment.create("x", 1, 1, (1 << 20) + 1));
        StateSegment.create("x", 1, 1, 1 << 20).close();
    }
}
