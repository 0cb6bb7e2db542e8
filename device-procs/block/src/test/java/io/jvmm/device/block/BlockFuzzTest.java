package io.jvmm.device.block;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.block.qcow2.MemoryDirectory;
import io.jvmm.device.block.qcow2.Qemu;
import io.jvmm.device.virtio.rig.ChainFuzz;
import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.MemFd;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Chains, registers and states of every kind of nonsense. The longer run: {@code -Djvmm.fuzz.cases=1000000}. */
class BlockFuzzTest {
    private static final int SECTORS = 4096;
    private static final int[] TYPES = {0, 0, 0, 1, 1, 1, 4, 8, 11, 13, 13, 2, 10, 14, 99};

    private static MemFd disk() {
        return MemFd.create("fuzz", SECTORS * 512L);
    }

    /** Mostly a header that means something, data or ranges behind it. */
    static byte[] request(int queue, Random random) {
        int length = 16 + (random.nextInt(3) == 0 ? random.nextInt(600) : 512 * random.nextInt(4));
        ByteBuffer request = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
        request.putInt(TYPES[random.nextInt(TYPES.length)]).putInt(0).putLong(sector(random));
        while (request.remaining() >= 16) {
            request.putLong(sector(random));
            request.putInt(random.nextInt(20) == 0 ? random.nextInt() : random.nextInt(64));
            request.putInt(random.nextInt(20) == 0 ? random.nextInt() : random.nextInt(2));
        }
        return request.array();
    }

    /** Whose workers answer as late and in whatever order the seed says, so that a seed has the same end each time. */
    private static BlockFactory factory(boolean slow, List<SlowImage> images, long seed) {
        Workers.Maker workers = SeededWorkers.maker(seed);
        return slow ? SlowImage.factory(made -> keep(images, made), workers) : new BlockFactory(Images::open, workers);
    }

    /** Of those before, which are closed, only what broke the contract is of interest: a long run makes thousands. */
    private static void keep(List<SlowImage> images, SlowImage newest) {
        images.removeIf(image -> image.broken().isEmpty());
        images.add(newest);
    }

    private static long sector(Random random) {
        return switch (random.nextInt(20)) {
            case 0 -> random.nextLong();
            case 1 -> SECTORS - random.nextInt(3);
            default -> random.nextInt(SECTORS);
        };
    }

    @ParameterizedTest
    @ValueSource(strings = {"false", "true"})
    void nothingAGuestPutsIntoAChainHurts(String slow) {
        long seed = TestSeed.next();
        List<SlowImage> images = new ArrayList<>();
        BlockFactory factory = factory(slow.equals("true"), images, seed);
        try (MemFd disk = disk()) {
            Map<String, Fd> descriptors = Map.of("0.image", disk.fd());
            ChainFuzz fuzz = new ChainFuzz(factory, Map.of("0.queues", "2", "0.format", "raw"), descriptors, seed);
            System.out.println(fuzz.with(BlockFuzzTest::request).run(ChainFuzz.cases(15_000)));
            assertEquals(SECTORS * 512L, FileIo.size(disk.fd()), "the disk keeps its length");
        }
        for (SlowImage image : images) {
            assertEquals("", image.broken(), "seed " + seed);
        }
    }

    /**
     * A table lies where the device has written earlier answers, and what they make of its first descriptor is a place that no test would
     * choose: with this seed the status of a request goes to 0xffff, as its chain says.
     */
    @Test
    void whatTheDeviceMadeOfATableIsItsDriversWord() {
        long seed = 213;
        try (MemFd disk = disk()) {
            Map<String, Fd> descriptors = Map.of("0.image", disk.fd());
            BlockFactory factory = factory(false, List.of(), seed);
            ChainFuzz fuzz = new ChainFuzz(factory, Map.of("0.queues", "2", "0.format", "raw"), descriptors, seed);
            System.out.println(fuzz.with(BlockFuzzTest::request).run(2_000));
        }
    }

    /** The same over a qcow2 image with a snapshot and compressed clusters, on a backing image: qemu-img judges what is left. */
    @ParameterizedTest
    @ValueSource(
            strings = {"cluster_size=4k", "cluster_size=16k,extended_l2=on", "cluster_size=512,compat=0.10", "slow"})
    void norAnImageOfTables(String variant, @TempDir(factory = MemoryDirectory.class) Path directory)
            throws IOException {
        long seed = TestSeed.next();
        boolean slow = variant.equals("slow");
        List<SlowImage> images = new ArrayList<>();
        Path base = directory.resolve("base.qcow2");
        Path source = directory.resolve("source.qcow2");
        Path top = directory.resolve("top.qcow2");
        String options = slow ? "cluster_size=64k" : variant;
        Qemu.img("create", "-q", "-f", "qcow2", base.toString(), SECTORS / 2 + "k");
        Qemu.io(base, "write -P 7 300k 900k");
        String[] over = {"-F", "qcow2", "-b", base.toString(), source.toString()};
        Qemu.img("create", "-q", "-f", "qcow2", over[0], over[1], over[2], over[3], over[4]);
        Qemu.io(source, "write -P 1 0 400k", "write -z 1M 100k");
        Qemu.img("convert", "-q", "-c", "-O", "qcow2", "-B", over[3], "-F", "qcow2", "-o", options, over[4], top + "");
        Qemu.io(top, "write -P 2 500k 300k");
        Qemu.img("snapshot", "-c", "one", top.toString());
        Qemu.io(top, "write -P 3 600k 300k");
        byte[] below = Files.readAllBytes(base);
        byte[] snapshot = Qemu.contents(top, "-l", "one");
        try (Fd image = FileIo.open(top, FileIo.READ_WRITE, 0);
                Fd backing = FileIo.open(base, FileIo.READ_ONLY, 0)) {
            Map<String, String> entries =
                    Map.of("0.queues", "2", "0.format", "qcow2", "0.backing.0.format", "qcow2", "0.io-threads", "2");
            Map<String, Fd> descriptors = Map.of("0.image", image, "0.backing.0", backing);
            BlockFactory factory = factory(slow, images, seed);
            ChainFuzz fuzz = new ChainFuzz(factory, entries, descriptors, seed);
            System.out.println(
                    variant + ": " + fuzz.with(BlockFuzzTest::request).run(ChainFuzz.cases(5_000)));
        }
        Qemu.check(top, true, "seed " + seed);
        assertArrayEquals(snapshot, Qemu.contents(top, "-l", "one"), "seed " + seed);
        assertArrayEquals(below, Files.readAllBytes(base), "seed " + seed);
        for (SlowImage each : images) {
            assertEquals("", each.broken(), "seed " + seed);
        }
    }

    @Test
    void aReadOnlyDiskIsNeverChanged() {
        long seed = TestSeed.next();
        try (MemFd disk = disk()) {
            MemorySegment bytes = Arena.ofAuto().allocate(SECTORS * 512L);
            bytes.fill((byte) 7);
            FileIo.tryWriteAt(disk.fd(), 0, bytes, 0, bytes.byteSize());
            byte[] before = bytes.toArray(ValueLayout.JAVA_BYTE);
            ChainFuzz fuzz = new ChainFuzz(
                    new BlockFactory(),
                    Map.of("0.read-only", "true", "0.format", "raw"),
                    Map.of("0.image", disk.fd()),
                    seed);
            System.out.println(fuzz.with(BlockFuzzTest::request).run(ChainFuzz.cases(5_000)));
            FileIo.tryReadAt(disk.fd(), 0, bytes, 0, bytes.byteSize());
            assertArrayEquals(before, bytes.toArray(ValueLayout.JAVA_BYTE));
        }
    }

    @Test
    void forgedStatesAreRefusedOrLivedWith() {
        long seed = TestSeed.next();
        try (MemFd disk = disk()) {
            int refused = ChainFuzz.states(
                    new BlockFactory(), Map.of("0.format", "raw"), Map.of("0.image", disk.fd()), seed, 200);
            assertTrue(refused < 200);
        }
    }
}
