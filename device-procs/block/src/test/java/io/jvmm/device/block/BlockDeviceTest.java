package io.jvmm.device.block;

import static io.jvmm.device.block.Disk.DISCARD;
import static io.jvmm.device.block.Disk.FLUSH;
import static io.jvmm.device.block.Disk.GET_ID;
import static io.jvmm.device.block.Disk.IN;
import static io.jvmm.device.block.Disk.IOERR;
import static io.jvmm.device.block.Disk.OK;
import static io.jvmm.device.block.Disk.OUT;
import static io.jvmm.device.block.Disk.SECTOR;
import static io.jvmm.device.block.Disk.SECTORS;
import static io.jvmm.device.block.Disk.UNSUPP;
import static io.jvmm.device.block.Disk.WRITE_ZEROES;
import static io.jvmm.device.block.Disk.header;
import static io.jvmm.device.block.Disk.join;
import static io.jvmm.device.block.Disk.pattern;
import static io.jvmm.device.block.Disk.ranges;
import static io.jvmm.device.block.Disk.status;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.virtio.rig.Completion;
import io.jvmm.device.virtio.rig.RigDriver;
import io.jvmm.device.virtio.rig.RigQueue;
import io.jvmm.ipc.TestSeed;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The requests of virtio 1.2 §5.2.6 and their answers, with the bytes a driver sends. */
class BlockDeviceTest {

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whatIsWrittenIsReadAndInTheFile(boolean packed) {
        long features = packed ? -1L : -1L & ~RigDriver.F_RING_PACKED;
        try (Disk disk = new Disk(new BlockFactory(), features, "packed=true")) {
            assertEquals(packed, disk.driver.negotiated(RigDriver.F_RING_PACKED));
            for (int i = 1; i < 40; i++) {
                byte[] data = pattern(i, SECTOR * i);
                assertEquals(OK, disk.write(7L * i, data));
                assertArrayEquals(data, disk.content(7L * i, data.length));
                byte[] answer = disk.read(7L * i, data.length);
                assertEquals(OK, status(answer));
                assertArrayEquals(data, Arrays.copyOf(answer, data.length));
            }
            assertEquals(OK, disk.flush());
            assertEquals(0, disk.rig.guestErrors());
        }
    }

    /** §5.2.4, by the specification's offsets. */
    @Test
    void theConfigurationTellsAboutTheDisk() {
        try (Disk disk = new Disk("queues=4", "queue-size=64")) {
            RigDriver driver = disk.driver;
            assertEquals(SECTORS, driver.config(0, 8), "capacity");
            assertEquals(SECTORS, driver.config(0, 4), "low half of it");
            assertEquals(62, driver.config(12, 4), "seg_max: header and status are two more");
            assertEquals(SECTORS / (16 * 63), driver.config(16, 2), "cylinders");
            assertEquals(16, driver.config(18, 1), "heads");
            assertEquals(63, driver.config(19, 1), "sectors");
            assertEquals(512, driver.config(20, 4), "blk_size");
            assertEquals(3, driver.config(24, 1), "physical_block_exp");
            assertEquals(0, driver.config(25, 1), "alignment_offset");
            assertEquals(8, driver.config(26, 2), "min_io_size");
            assertEquals(1, driver.config(32, 1), "writeback");
            assertEquals(4, driver.config(34, 2), "num_queues");
            assertTrue(driver.config(36, 4) > 0, "max_discard_sectors");
            assertTrue(driver.config(40, 4) > 0, "max_discard_seg");
            assertEquals(8, driver.config(44, 4), "discard_sector_alignment");
            assertTrue(driver.config(48, 4) > 0, "max_write_zeroes_sectors");
            assertTrue(driver.config(52, 4) > 0, "max_write_zeroes_seg");
            assertEquals(1, driver.config(56, 1), "write_zeroes_may_unmap");
            assertEquals(4, driver.queueCount());
        }
    }

    /** §5.2.3. */
    @Test
    void featuresFollowTheConfiguration() {
        try (Disk disk = new Disk("discard=false")) {
            long device = disk.driver.deviceFeatures() & 0xFFFFFF;
            assertEquals(bits(2, 4, 6, 9, 10, 11, 14), device);
        }
        try (Disk disk = new Disk("read-only=true", "queues=2")) {
            long device = disk.driver.deviceFeatures() & 0xFFFFFF;
            assertEquals(bits(2, 4, 5, 6, 9, 10, 11, 12), device);
        }
    }

    private static long bits(int... numbers) {
        return Arrays.stream(numbers).mapToLong(n -> 1L << n).sum();
    }

    /** §2.6.4: the device makes no assumption about how a request is cut. */
    @Test
    void framingDoesNotMatter() {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        for (long features : new long[] {-1L, -1L & ~RigDriver.F_RING_PACKED, ~RigDriver.F_INDIRECT_DESC}) {
            try (Disk disk = new Disk(new BlockFactory(), features, "packed=true")) {
                RigQueue queue = disk.driver.queue(0);
                for (int i = 0; i < 100; i++) {
                    byte[] data = pattern(i, SECTOR * (1 + random.nextInt(8)));
                    long sector = random.nextInt(SECTORS - 8);
                    byte[] out = join(header(OUT, sector), data);
                    queue.offer(pieces(random, out), 1);
                    queue.kick();
                    assertEquals(OK, status(disk.await(queue)), "seed " + seed);
                    byte[] in = header(IN, sector);
                    int[] writable = Arrays.stream(pieces(random, new byte[data.length + 1]))
                            .mapToInt(piece -> piece.length)
                            .toArray();
                    queue.offer(pieces(random, in), writable);
                    queue.kick();
                    Completion done = disk.await(queue);
                    assertEquals(OK, status(done));
                    assertEquals(data.length + 1, done.lengthBytes());
                    assertArrayEquals(data, Arrays.copyOf(done.writable(), data.length), "seed " + seed);
                }
                assertEquals(0, disk.rig.guestErrors());
            }
        }
    }

    private static byte[][] pieces(Random random, byte[] whole) {
        int count = Math.min(whole.length, 1 + random.nextInt(20));
        int[] cuts = new int[count + 1];
        for (int i = 1; i < count; i++) {
            cuts[i] = random.nextInt(whole.length);
        }
        cuts[count] = whole.length;
        Arrays.sort(cuts);
        byte[][] pieces = new byte[count][];
        for (int i = 0; i < count; i++) {
            pieces[i] = Arrays.copyOfRange(whole, cuts[i], cuts[i + 1]);
        }
        return pieces;
    }

    @Test
    void sectorsBeyondTheEndAreErrors() {
        try (Disk disk = new Disk()) {
            byte[] before = disk.content();
            for (long sector : new long[] {SECTORS, SECTORS - 1, Long.MAX_VALUE, Long.MIN_VALUE, -1, -2, 1L << 55}) {
                assertEquals(IOERR, status(disk.read(sector, 2 * SECTOR)), "sector " + sector);
                assertEquals(IOERR, disk.write(sector, new byte[2 * SECTOR]), "sector " + sector);
                assertEquals(IOERR, status(disk.request(ranges(WRITE_ZEROES, sector, 2, 0), 1)), "sector " + sector);
                assertEquals(IOERR, status(disk.request(ranges(DISCARD, sector, 2, 0), 1)), "sector " + sector);
            }
            assertEquals(28, disk.rig.guestErrors());
            assertEquals(BlockError.OUT_OF_RANGE.code(), disk.rig.lastGuestErrorCode());
            assertEquals(OK, status(disk.read(SECTORS - 2, 2 * SECTOR)));
            assertEquals(OK, disk.write(SECTORS - 1, disk.content(SECTORS - 1, SECTOR)));
            assertArrayEquals(before, disk.content());
        }
    }

    @Test
    void lengthsAreWholeBlocks() {
        try (Disk disk = new Disk()) {
            byte[] before = disk.content();
            for (int bytes : new int[] {1, 511, 513, 1000}) {
                assertEquals(IOERR, status(disk.read(0, bytes)));
                assertEquals(IOERR, disk.write(0, new byte[bytes]));
            }
            assertEquals(8, disk.rig.guestErrors());
            assertEquals(OK, status(disk.read(0, 0)), "nothing asked for, nothing amiss");
            assertEquals(OK, disk.write(0, new byte[0]));
            assertArrayEquals(before, disk.content());
        }
        try (Disk disk = new Disk("block-size=4096")) {
            assertEquals(4096, disk.driver.config(20, 4));
            assertEquals(0, disk.driver.config(24, 1));
            assertEquals(OK, status(disk.read(8, 4096)));
            assertEquals(IOERR, status(disk.read(8, 512)), "half a block");
            assertEquals(IOERR, status(disk.read(4, 4096)), "beside a block");
            assertEquals(IOERR, status(disk.request(ranges(WRITE_ZEROES, 8, 4, 0), 1)));
        }
    }

    /** §5.2.6.2: "MUST set the status byte to VIRTIO_BLK_S_IOERR for a write request" if read-only. */
    @Test
    void aReadOnlyDiskStaysAsItIs() {
        try (Disk disk = new Disk("read-only=true")) {
            byte[] before = disk.content();
            assertEquals(IOERR, disk.write(0, new byte[SECTOR]));
            assertEquals(UNSUPP, status(disk.request(ranges(DISCARD, 0, 8, 0), 1)), "not negotiated");
            assertEquals(UNSUPP, status(disk.request(ranges(WRITE_ZEROES, 0, 8, 0), 1)));
            assertEquals(OK, status(disk.read(0, SECTOR)));
            assertEquals(OK, disk.flush());
            assertArrayEquals(before, disk.content());
            assertEquals(3, disk.rig.guestErrors());
        }
    }

    @Test
    void unknownRequestsAreUnsupported() {
        try (Disk disk = new Disk()) {
            for (int type : new int[] {2, 3, 5, 6, 7, 9, 10, 12, 14, 15, 16, 24, 0x8000_0000, -1}) {
                assertEquals(UNSUPP, status(disk.request(header(type, 0), 1)), "type " + type);
            }
            assertEquals(14, disk.rig.guestErrors());
        }
        long neither = -1L & ~RigDriver.F_RING_PACKED & ~bits(13, 14);
        try (Disk disk = new Disk(new BlockFactory(), neither)) {
            assertEquals(UNSUPP, status(disk.request(ranges(DISCARD, 0, 8, 0), 1)));
            assertEquals(UNSUPP, status(disk.request(ranges(WRITE_ZEROES, 0, 8, 0), 1)));
        }
    }

    @Test
    void discardAndZeros() {
        try (Disk disk = new Disk()) {
            byte[] expected = disk.content();
            assertEquals(OK, status(disk.request(ranges(WRITE_ZEROES, 3, 5, 0), 1)));
            assertEquals(OK, status(disk.request(ranges(WRITE_ZEROES, 16, 16, 1, 40, 0, 0, 48, 1, 0), 1)));
            assertEquals(OK, status(disk.request(ranges(DISCARD, 64, 8, 0, 80, 8, 0), 1)));
            Arrays.fill(expected, 3 * SECTOR, 8 * SECTOR, (byte) 0);
            Arrays.fill(expected, 16 * SECTOR, 32 * SECTOR, (byte) 0);
            Arrays.fill(expected, 48 * SECTOR, 49 * SECTOR, (byte) 0);
            Arrays.fill(expected, 64 * SECTOR, 72 * SECTOR, (byte) 0);
            Arrays.fill(expected, 80 * SECTOR, 88 * SECTOR, (byte) 0);
            assertArrayEquals(expected, disk.content());
            assertEquals(0, disk.rig.guestErrors());
        }
    }

    /** §5.2.6.2: unknown flags, and unmap with a discard, are UNSUPP; what exceeds the limits is an error. */
    @Test
    void rangesAreChecked() {
        try (Disk disk = new Disk()) {
            byte[] before = disk.content();
            int most = (int) disk.driver.config(40, 4);
            long longest = disk.driver.config(36, 4);
            assertEquals(UNSUPP, status(disk.request(ranges(DISCARD, 0, 8, 1), 1)));
            assertEquals(UNSUPP, status(disk.request(ranges(DISCARD, 0, 8, 2), 1)));
            assertEquals(UNSUPP, status(disk.request(ranges(WRITE_ZEROES, 0, 8, 0, 8, 8, 0x8000_0000L), 1)));
            assertEquals(IOERR, status(disk.request(header(DISCARD, 0), 1)));
            assertEquals(IOERR, status(disk.request(join(header(DISCARD, 0), new byte[15]), 1)));
            assertEquals(IOERR, status(disk.request(join(header(DISCARD, 0), new byte[16 * (most + 1)]), 1)));
            assertEquals(IOERR, status(disk.request(ranges(DISCARD, 0, longest + 1, 0), 1)));
            assertEquals(IOERR, status(disk.request(ranges(WRITE_ZEROES, 0, 8, 0, SECTORS, 1, 0), 1)));
            assertEquals(OK, status(disk.request(join(header(DISCARD, 0), new byte[16 * most]), 1)), "all empty");
            assertArrayEquals(before, disk.content(), "not even the good ranges of a bad request");
        }
    }

    @Test
    void requestsWithoutHeaderOrStatus() {
        try (Disk disk = new Disk()) {
            RigQueue queue = disk.driver.queue(0);
            for (int bytes : new int[] {1, 8, 15}) {
                assertEquals(IOERR, status(disk.request(new byte[bytes], 513)), bytes + " bytes of header");
            }
            assertEquals(IOERR, status(disk.request(new byte[0], 1)));
            queue.offer(join(header(OUT, 0), new byte[SECTOR]), 0);
            queue.kick();
            assertEquals(0, disk.await(queue).lengthBytes(), "no room for a status");
            assertEquals(5, disk.rig.guestErrors());
            assertEquals(OK, disk.flush());
        }
    }

    /** §5.2.6: 20 bytes, padded with NUL, and not terminated when it fills them. */
    @Test
    void getIdAnswersTheSerialNumber() {
        try (Disk disk = new Disk("serial=disk-7")) {
            byte[] answer = disk.request(header(GET_ID, 0), 21);
            assertEquals(OK, status(answer));
            assertEquals("disk-7" + "\0".repeat(14), new String(answer, 0, 20, StandardCharsets.US_ASCII));
            assertEquals("disk", new String(disk.request(header(GET_ID, 0), 5), 0, 4, StandardCharsets.US_ASCII));
            assertEquals(OK, status(disk.request(header(GET_ID, 0), 1)));
            byte[] large = disk.request(header(GET_ID, 0), 101);
            assertEquals("disk-7", new String(large, 0, 6, StandardCharsets.US_ASCII));
            assertEquals(OK, status(large));
        }
        try (Disk disk = new Disk("serial=12345678901234567890")) {
            byte[] answer = disk.request(header(GET_ID, 0), 21);
            assertEquals("12345678901234567890", new String(answer, 0, 20, StandardCharsets.US_ASCII));
        }
    }

    @Test
    void manyRequestsOnManyQueues() {
        try (Disk disk = new Disk("queues=3", "queue-size=256")) {
            int each = 80; // three times as many as there are slots
            for (int q = 0; q < 3; q++) {
                for (int i = 0; i < each; i++) {
                    disk.driver.queue(q).offer(join(header(OUT, 3L * i + q), pattern(100L * q + i, SECTOR)), 1);
                }
            }
            for (int q = 0; q < 3; q++) {
                disk.driver.queue(q).kick();
            }
            for (int q = 0; q < 3; q++) {
                for (Completion done : disk.await(disk.driver.queue(q), each)) {
                    assertEquals(OK, status(done));
                }
                assertTrue(disk.driver.takeInterrupts(1 + q) > 0, "interrupts of queue " + q);
                for (int i = 0; i < each; i++) {
                    assertArrayEquals(pattern(100L * q + i, SECTOR), disk.content(3L * i + q, SECTOR));
                }
            }
            assertFalse(disk.driver.intx());
        }
    }

    /** Long requests and those in small pieces: as many segments as seg_max says. */
    @Test
    void asManySegmentsAsPromised() {
        try (Disk disk = new Disk()) {
            int most = (int) disk.driver.config(12, 4);
            byte[] data = pattern(9, SECTOR * most);
            byte[][] out = new byte[most + 1][];
            out[0] = header(OUT, 5);
            for (int i = 0; i < most; i++) {
                out[i + 1] = Arrays.copyOfRange(data, i * SECTOR, (i + 1) * SECTOR);
            }
            RigQueue queue = disk.driver.queue(0);
            queue.offer(out, 1);
            queue.kick();
            assertEquals(OK, status(disk.await(queue)));
            assertArrayEquals(data, disk.content(5, data.length));
        }
    }

    @Test
    void flushIsAnsweredEvenIfItDoesNothing() {
        try (Disk disk = new Disk("cache=unsafe")) {
            assertEquals(OK, disk.flush());
            assertEquals(OK, status(disk.request(header(FLUSH, 77), 1)), "the sector is reserved");
        }
    }
}
