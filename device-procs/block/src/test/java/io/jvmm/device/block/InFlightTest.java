package io.jvmm.device.block;

import static io.jvmm.device.block.Disk.FLUSH;
import static io.jvmm.device.block.Disk.IN;
import static io.jvmm.device.block.Disk.IOERR;
import static io.jvmm.device.block.Disk.LENGTH_BYTES;
import static io.jvmm.device.block.Disk.OK;
import static io.jvmm.device.block.Disk.OUT;
import static io.jvmm.device.block.Disk.SECTOR;
import static io.jvmm.device.block.Disk.WRITE_ZEROES;
import static io.jvmm.device.block.Disk.header;
import static io.jvmm.device.block.Disk.join;
import static io.jvmm.device.block.Disk.pattern;
import static io.jvmm.device.block.Disk.ranges;
import static io.jvmm.device.block.Disk.status;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.api.Backend;
import io.jvmm.device.virtio.rig.Completion;
import io.jvmm.device.virtio.rig.RigDriver;
import io.jvmm.device.virtio.rig.RigQueue;
import io.jvmm.device.virtio.rig.VirtioRig.KillPoint;
import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.FileIo;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Requests under way on other threads: order, resets, cache modes, errors of the host, the death of the process. */
class InFlightTest {
    private static final long SPLIT = -1L & ~RigDriver.F_RING_PACKED;

    private final List<SlowImage> images = new ArrayList<>();

    private Disk disk(long features, String... entries) {
        return new Disk(SlowImage.factory(images::add), features, entries);
    }

    private SlowImage image() {
        return images.getLast();
    }

    /** A split queue returns what is done first (§2.7.13); so does a flush that has less to do than a write before it. */
    @Test
    void whatIsDoneFirstComesBackFirst() {
        try (Disk disk = disk(SPLIT)) {
            RigQueue queue = disk.driver.queue(0);
            image().hold();
            int slow = queue.offer(header(IN, 0), SECTOR + 1);
            queue.kick();
            disk.rig.await("a held read", () -> image().holding() == 1);
            int id = queue.offer(header(Disk.GET_ID, 0), 21);
            queue.kick();
            assertEquals(id, disk.await(queue).token());
            image().release();
            assertEquals(slow, disk.await(queue).token());
        }
    }

    @Test
    void overlappingRequestsRunInTheirOrder() {
        try (Disk disk = disk(SPLIT)) {
            RigQueue queue = disk.driver.queue(0);
            image().hold();
            queue.offer(join(header(OUT, 10), pattern(1, 4 * SECTOR)), 1);
            queue.offer(header(IN, 12), 4 * SECTOR + 1);
            queue.offer(join(header(OUT, 13), pattern(2, SECTOR)), 1);
            queue.offer(header(IN, 13), SECTOR + 1);
            queue.offer(ranges(WRITE_ZEROES, 10, 1, 1), 1);
            queue.kick();
            disk.rig.await("the first", () -> image().holding() > 0);
            assertEquals(1, image().holding(), "the others wait for it");
            image().release();
            disk.await(queue, 5);
            assertEquals("", image().broken());
            List<String> calls = image().calls();
            assertEquals("write 5120 +2048", calls.getFirst());
            assertTrue(calls.indexOf("write 6656 +512") > calls.indexOf("read 6144 +2048"), calls.toString());
            assertTrue(calls.indexOf("read 6656 +512") > calls.indexOf("write 6656 +512"), calls.toString());
            assertTrue(calls.contains("zero 5120 +512 unmap"), calls.toString());
        }
    }

    /** Whatever the threads do, the disk is as if the requests had run one after the other. */
    @Test
    void anyLoadEndsAsIfInOrder() {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        for (int round = 0; round < 6; round++) {
            boolean packed = round % 2 == 1;
            try (Disk disk = disk(packed ? -1L : SPLIT, "packed=true", "io-threads=4", "queue-size=128")) {
                image().jitter();
                byte[] model = disk.content();
                RigQueue queue = disk.driver.queue(0);
                Map<Integer, byte[]> expected = new HashMap<>();
                int done = 0;
                for (int i = 0; i < 300; i++) {
                    while (!queue.hasRoom(3)) {
                        done += check(queue, disk, expected, seed);
                    }
                    int sector = random.nextInt(24);
                    int bytes = SECTOR * (1 + random.nextInt(8));
                    switch (random.nextInt(4)) {
                        case 0 -> {
                            byte[] data = pattern(random.nextLong(), bytes);
                            System.arraycopy(data, 0, model, sector * SECTOR, bytes);
                            queue.offer(join(header(OUT, sector), data), 1);
                        }
                        case 1 -> {
                            Arrays.fill(model, sector * SECTOR, sector * SECTOR + bytes, (byte) 0);
                            queue.offer(ranges(WRITE_ZEROES, sector, bytes / SECTOR, 0), 1);
                        }
                        case 2 -> queue.offer(header(FLUSH, 0), 1);
                        default -> {
                            int token = queue.offer(header(IN, sector), bytes + 1);
                            expected.put(token, Arrays.copyOfRange(model, sector * SECTOR, sector * SECTOR + bytes));
                        }
                    }
                    if (random.nextInt(5) == 0) {
                        queue.kick();
                    }
                }
                queue.kickAnyway();
                while (queue.outstanding() > 0) {
                    done += check(queue, disk, expected, seed);
                }
                assertEquals(300, done);
                assertArrayEquals(model, disk.content(), "seed " + seed);
                assertEquals("", image().broken(), "seed " + seed);
            }
        }
    }

    private static int check(RigQueue queue, Disk disk, Map<Integer, byte[]> expected, long seed) {
        List<Completion> done = takeBack(queue, disk);
        for (Completion one : done) {
            byte[] data = expected.remove(one.token());
            if (data != null) {
                assertArrayEquals(data, Arrays.copyOf(one.writable(), data.length), "seed " + seed);
            }
        }
        return done.size();
    }

    /** What is done, and went well. */
    private static List<Completion> takeBack(RigQueue queue, Disk disk) {
        queue.kick();
        disk.rig.settle();
        List<Completion> done = new ArrayList<>();
        for (Completion one = queue.reap(); one != null; one = queue.reap()) {
            assertEquals(OK, status(one));
            done.add(one);
        }
        return done;
    }

    /** §5.2.6.2: a flush makes safe what was completed before it; with writeback writes alone are not durable. */
    @Test
    void cacheModes() {
        try (Disk disk = disk(SPLIT)) {
            disk.write(0, new byte[SECTOR]);
            disk.flush();
            assertEquals(List.of("write 0 +512", "flush"), image().calls());
        }
        try (Disk disk = disk(SPLIT, "cache=writethrough")) {
            assertEquals(0, disk.driver.config(32, 1));
            disk.write(0, new byte[SECTOR]);
            disk.request(ranges(WRITE_ZEROES, 0, 1, 0), 1);
            assertEquals(List.of("write 0 +512 durable", "zero 0 +512 durable"), image().calls());
        }
        try (Disk disk = disk(SPLIT, "cache=unsafe")) {
            disk.write(0, new byte[SECTOR]);
            disk.flush();
            assertEquals(List.of("write 0 +512"), image().calls());
        }
    }

    /** §5.2.5: the driver switches between the two; what was written before is made safe by then. */
    @Test
    void theDriverChoosesTheCacheMode() {
        try (Disk disk = disk(SPLIT)) {
            disk.write(0, new byte[SECTOR]);
            disk.driver.write(RigDriver.DEVICE_CONFIG + 32, 1, 0);
            assertEquals(0, disk.driver.config(32, 1));
            disk.rig.await("the flush of the switch", () -> image().calls().contains("flush"));
            disk.write(1, new byte[SECTOR]);
            disk.driver.write(RigDriver.DEVICE_CONFIG + 32, 1, 1);
            disk.write(2, new byte[SECTOR]);
            assertEquals(
                    List.of("write 0 +512", "flush", "write 512 +512 durable", "write 1024 +512"), image().calls());
            disk.driver.write(RigDriver.DEVICE_CONFIG + 32, 1, 0);
            disk.driver.setUp(SPLIT);
            assertEquals(1, disk.driver.config(32, 1), "a reset brings back what the configuration says");
        }
    }

    /** §5.2.6.2 leaves open whether a write that was under way at the switch is safe when it is answered; it is. */
    @Test
    void writesUnderWayAtTheSwitchAreAnsweredWhenTheyAreSafe() {
        try (Disk disk = disk(SPLIT)) {
            RigQueue queue = disk.driver.queue(0);
            image().hold();
            queue.offer(join(header(OUT, 0), pattern(1, SECTOR)), 1);
            queue.kick();
            disk.rig.await("a held write", () -> image().holding() == 1);
            disk.driver.write(RigDriver.DEVICE_CONFIG + 32, 1, 0);
            disk.rig.await("the flush of the switch", () -> image().holding() == 2);
            image().releaseThese();
            disk.rig.await("the two", () -> image().calls().size() == 2);
            disk.rig.await("the flush for the write", () -> image().holding() == 1);
            disk.rig.settle();
            assertNull(queue.reap(), "the flush of the switch may have begun before the write was done");
            image().release();
            assertEquals(OK, status(disk.await(queue)));
            assertEquals("flush", image().calls().getLast());
            assertEquals(3, image().calls().size(), image().calls().toString());
            assertEquals(OK, disk.write(1, new byte[SECTOR]));
            assertEquals("write 512 +512 durable", image().calls().getLast());
        }
    }

    /** A process that dies before the flush of the switch is done leaves it to its successor; one that dies later does not. */
    @Test
    void aSuccessorMakesTheFlushOfTheSwitch() {
        try (Disk disk = disk(SPLIT)) {
            disk.write(0, new byte[SECTOR]);
            image().hold();
            disk.driver.write(RigDriver.DEVICE_CONFIG + 32, 1, 0);
            disk.rig.await("the flush of the switch", () -> image().holding() == 1);
            disk.driver.write(RigDriver.DEVICE_CONFIG + 32, 1, 1);
            disk.driver.write(RigDriver.DEVICE_CONFIG + 32, 1, 0); // another one, behind the first
            disk.rig.settle();
            byte[] before = disk.rig.state();
            image().release();
            Backend workers = disk.rig.backends().getFirst();
            disk.rig.await("both", () -> image().calls().size() == 3 && workers.settled());
            byte[] after = disk.rig.state();
            disk.rig.adopt(before);
            disk.rig.await("the successor's flush", () -> image().calls().contains("flush"));
            assertEquals(0, disk.driver.config(32, 1));
            assertEquals(List.of("flush"), image().calls(), "one is enough");
            disk.rig.adopt(after);
            assertEquals(OK, disk.write(1, new byte[SECTOR]));
            assertEquals(List.of("write 512 +512 durable"), image().calls());
        }
    }

    /** §5.2.5.2, §5.2.6.2: a driver that cannot flush gets writes that are safe. */
    @Test
    void withoutFlushWritesAreDurable() {
        long noFlush = SPLIT & ~(1L << 9);
        try (Disk disk = disk(noFlush)) {
            assertEquals(0, disk.driver.config(32, 1));
            disk.write(0, new byte[SECTOR]);
            assertEquals(List.of("write 0 +512 durable"), image().calls());
        }
        try (Disk disk = disk(noFlush & ~(1L << 11))) {
            disk.write(0, new byte[SECTOR]);
            disk.driver.write(RigDriver.DEVICE_CONFIG + 32, 1, 1);
            disk.write(1, new byte[SECTOR]);
            assertEquals(List.of("write 0 +512 durable", "write 512 +512 durable"), image().calls());
        }
        try (Disk disk = disk(SPLIT & ~(1L << 11))) {
            disk.write(0, new byte[SECTOR]);
            disk.driver.write(RigDriver.DEVICE_CONFIG + 32, 1, 0);
            disk.write(1, new byte[SECTOR]);
            assertEquals(List.of("write 0 +512", "write 512 +512"), image().calls(), "the field is not its to write");
        }
    }

    @Test
    void errorsOfTheHostAreErrorsOfTheRequest() {
        try (Disk disk = disk(SPLIT)) {
            image().fail(5 * SECTOR, Errno.ENOSPC);
            assertEquals(IOERR, disk.write(4, new byte[2 * SECTOR]));
            byte[] answer = disk.read(5, SECTOR);
            assertEquals(IOERR, status(answer));
            assertEquals(OK, disk.write(6, new byte[SECTOR]), "the disk lives");
            assertEquals(0, disk.rig.guestErrors(), "it was not the guest");
            image().failFlush();
            assertEquals(IOERR, disk.flush());
        }
    }

    /** §2.4.1: a reset reads as complete only when nothing touches guest memory any more. */
    @Test
    void aResetWaitsForWhatIsUnderWay() {
        try (Disk disk = disk(SPLIT)) {
            RigQueue queue = disk.driver.queue(0);
            image().hold();
            for (int i = 0; i < 5; i++) {
                queue.offer(header(IN, 0), SECTOR + 1);
            }
            queue.offer(join(header(OUT, 0), pattern(8, SECTOR)), 1); // waits for the reads, and must not happen
            queue.kick();
            disk.rig.await("held reads", () -> image().holding() == 2);
            disk.driver.write(RigDriver.DEVICE_STATUS, 1, 0);
            disk.rig.settle();
            assertNotEquals(0, disk.driver.status());
            byte[] before = disk.content();
            image().release();
            disk.rig.await("the reset", () -> disk.driver.status() == 0);
            assertEquals(2, image().calls().size(), "what had not begun was dropped");
            disk.driver.setUp(SPLIT);
            assertEquals(OK, status(disk.read(0, SECTOR)));
            assertArrayEquals(before, disk.content());
        }
    }

    @Test
    void oneQueueIsResetAlone() {
        try (Disk disk = disk(SPLIT, "queues=2")) {
            image().hold();
            for (int q = 0; q < 2; q++) {
                disk.driver.queue(q).offer(header(IN, 8L * q), SECTOR + 1);
                disk.driver.queue(q).kick();
            }
            disk.rig.await("held reads", () -> image().holding() == 2);
            disk.driver.write(RigDriver.QUEUE_SELECT, 2, 0);
            disk.driver.write(RigDriver.QUEUE_RESET, 2, 1);
            disk.rig.settle();
            assertEquals(1, disk.driver.read(RigDriver.QUEUE_RESET, 2));
            image().release();
            RigQueue fresh = disk.driver.resetQueue(0);
            assertEquals(OK, status(disk.await(disk.driver.queue(1))));
            fresh.offer(header(IN, 0), SECTOR + 1);
            fresh.kick();
            assertEquals(OK, status(disk.await(fresh)));
        }
    }

    /** The process dies at every step of a transaction, with requests under way: each is answered once, and done. */
    @Test
    void aSuccessorDoesAgainWhatWasUnderWay() {
        diesOften(false);
    }

    /** ... or before and after every effect and every commit, and while it takes over. */
    @Test
    void soItDoesHoweverOftenItDiesAndWherever() {
        diesOften(true);
    }

    private void diesOften(boolean anywhere) {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        KillPoint[] points = KillPoint.values();
        for (int round = 0; round < 4; round++) {
            boolean packed = round % 2 == 1;
            try (Disk disk = disk(packed ? -1L : SPLIT, "packed=true", "queue-size=64")) {
                byte[] model = disk.content();
                RigQueue queue = disk.driver.queue(0);
                Map<Integer, Integer> out = new HashMap<>(); // which request a token stands for
                if (anywhere) {
                    disk.rig.mortality().begin(random, 20);
                }
                for (int i = 0; i < 200; i++) {
                    // The available ring tells a successor the order of the last so many. Where a worker gets no
                    // processor, some before them may be out: theirs it does not know (§2.7.13 promises none).
                    while (!queue.hasRoom(3) || i - oldest(out, i) >= queue.size()) {
                        takeBack(queue, disk).forEach(one -> out.remove(one.token()));
                    }
                    int sector = random.nextInt(24);
                    int bytes = SECTOR * (1 + random.nextInt(4));
                    if (random.nextBoolean()) {
                        byte[] data = pattern(random.nextLong(), bytes);
                        System.arraycopy(data, 0, model, sector * SECTOR, bytes);
                        out.put(queue.offer(join(header(OUT, sector), data), 1), i);
                    } else {
                        out.put(queue.offer(header(FLUSH, 0), 1), i);
                    }
                    image().jitter();
                    if (anywhere) {
                        queue.kick();
                        continue;
                    }
                    disk.rig.kill(points[random.nextInt(points.length)]);
                    queue.kickAnyway();
                    if (random.nextInt(10) == 0) {
                        disk.rig.killAndAdopt();
                    }
                }
                disk.rig.mortality().end();
                while (queue.outstanding() > 0) {
                    takeBack(queue, disk).forEach(one -> out.remove(one.token()));
                }
                assertEquals(Map.of(), out, "seed " + seed);
                assertArrayEquals(model, disk.content(), "seed " + seed);
                assertEquals(0, disk.rig.guestErrors());
            }
        }
    }

    private static int oldest(Map<Integer, Integer> out, int otherwise) {
        return out.isEmpty() ? otherwise : Collections.min(out.values());
    }

    /** What the kernel has dropped it does not report twice: a successor, whose files know nothing of it, must. */
    @Test
    void aFailedSynchronizationOutlivesTheProcess() {
        try (Disk disk = disk(SPLIT)) {
            assertEquals(OK, disk.write(0, pattern(1, SECTOR)));
            image().loseWrites();
            assertEquals(IOERR, disk.flush());
            disk.rig.killAndAdopt();
            assertEquals(IOERR, disk.flush());
            assertEquals(OK, disk.write(0, pattern(2, SECTOR)), "what promises nothing goes on");
            assertEquals(OK, status(disk.read(0, SECTOR)));
            disk.driver.write(RigDriver.DEVICE_CONFIG + 32, 1, 0);
            assertEquals(IOERR, disk.write(0, pattern(3, SECTOR)), "written through");
        }
    }

    @Test
    void theStateKeepsTheCacheModeAndNoticesAnotherLength() {
        try (Disk disk = disk(SPLIT)) {
            disk.driver.write(RigDriver.DEVICE_CONFIG + 32, 1, 0);
            disk.rig.killAndAdopt();
            assertEquals(0, disk.driver.config(32, 1));
            int changes = disk.rig.configChanges();
            FileIo.tryAllocate(disk.file.fd(), 0, 0, 2L * LENGTH_BYTES);
            disk.rig.killAndAdopt();
            assertEquals(changes + 1, disk.rig.configChanges());
            assertEquals(2L * LENGTH_BYTES / SECTOR, disk.driver.config(0, 8));
        }
    }

    /** An orderly end: nothing is under way, everything is safe, the image is told. */
    @Test
    void settlingFinishesWhatIsUnderWay() {
        try (Disk disk = disk(SPLIT)) {
            RigQueue queue = disk.driver.queue(0);
            image().jitter();
            for (int i = 0; i < 20; i++) {
                queue.offer(join(header(OUT, i), pattern(i, SECTOR)), 1);
            }
            queue.kick();
            disk.rig.backends().getFirst().settle(disk.rig.nowNs(), 10_000_000_000L);
            List<String> calls = image().calls();
            assertEquals(21, calls.size());
            assertEquals("finish", calls.getLast());
            assertEquals(20, disk.await(queue, 20).size());
        }
    }

    /** Nobody waits for ever, and whoever runs the machine learns for which disk; what is under way stays so, and is answered when it ends. */
    @Test
    void aMediumThatHangsIsWaitedForWithinBounds() {
        try (Disk disk = disk(SPLIT)) {
            RigQueue queue = disk.driver.queue(0);
            Backend backend = disk.rig.backends().getFirst();
            image().hold();
            queue.offer(join(header(OUT, 0), pattern(0, SECTOR)), 1);
            queue.kick();
            backend.settle(disk.rig.nowNs(), 20_000_000L);
            assertFalse(backend.settled());
            assertHeard(disk, "warn scratch: writing has not ended within ");
            image().release();
            assertEquals(1, disk.await(queue, 1).size());
            assertTrue(backend.settled());
        }
    }

    /** The last synchronization may be what hangs; it does not keep the device thread. */
    @Test
    void soIsTheLastSynchronization() {
        try (Disk disk = disk(SPLIT)) {
            Backend backend = disk.rig.backends().getFirst();
            image().hold();
            backend.settle(disk.rig.nowNs(), 20_000_000L);
            assertFalse(backend.settled());
            assertHeard(disk, "warn scratch: bringing it to the medium has not ended within ");
            image().release();
            disk.rig.await("the end of it", backend::settled);
            assertEquals(List.of("finish"), image().calls());
        }
    }

    private static void assertHeard(Disk disk, String begin) {
        List<String> heard = disk.rig.hostEvents();
        assertTrue(heard.size() == 1 && heard.getFirst().startsWith(begin), heard::toString);
    }
}
