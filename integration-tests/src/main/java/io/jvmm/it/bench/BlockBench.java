package io.jvmm.it.bench;

import io.jvmm.ipc.sys.Poller;
import io.jvmm.it.DebianMachine;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * The path of a block request through a device process, and nothing else: this process plays the guest, with rings in shared memory
 * and eventfds, first to our block device over its link and then to QEMU's storage daemon over vhost-user, with files in the page
 * cache: one raw image, which both use, and a qcow2 image for each. Rounds alternate; a figure is the median of the rounds,
 * a ratio the median of the pairs' ratios.
 */
final class BlockBench {
    /** VIRTIO_F_VERSION_1, VIRTIO_F_EVENT_IDX, VIRTIO_BLK_F_FLUSH. */
    static final long FEATURES = 1L << 32 | 1L << 29 | 1L << 9;

    private static final int KIB = 1024;
    private static final int MIB = 1 << 20;
    private static final long GIB = 1 << 30;
    private static final int DISK_BYTES = 256 * MIB;
    /** The qcow2 disk goes on for so long behind the data, and nothing is allocated there. */
    private static final String QCOW2_SIZE = "16G";

    private static final int CLUSTER_BYTES = 64 * KIB;
    private static final int ROUNDS = 21;
    private static final int WARM_UP_ROUNDS = 3;
    private static final long PATIENCE_NS = 10_000_000_000L;

    private final Table table;
    private final Path directory;

    /** In which order a load goes through the disk. */
    private enum Places {
        RANDOM,
        SEQUENTIAL,
        /** A cluster that no request has touched before, near none of the ones before. */
        FRESH_RANDOM,
        /** What lies behind the one before, never touched. */
        FRESH_SEQUENTIAL
    }

    /**
     * What a round does.
     *
     * @param from position of the fresh part of the disk that is this load's own
     */
    private record Load(
            String name, int lengthBytes, int depth, boolean write, Places places, int requests, long from) {
        Load(String name, int lengthBytes, int depth, boolean write, Places places, int requests) {
            this(name, lengthBytes, depth, write, places, requests, 0);
        }

        /** Where a request of a round goes; the same for both sides. */
        long position(int round, int number, SplittableRandom random) {
            long ordinal = (round + WARM_UP_ROUNDS) * (long) requests + number;
            int places = DISK_BYTES / lengthBytes;
            return switch (this.places) {
                case RANDOM -> (long) random.nextInt(places) * lengthBytes;
                case SEQUENTIAL -> (long) (number % places) * lengthBytes;
                case FRESH_RANDOM -> from + (ordinal * SPREAD & SPREAD_MASK) * CLUSTER_BYTES;
                case FRESH_SEQUENTIAL -> from + ordinal * lengthBytes;
            };
        }
    }

    /** An odd number, so that its multiples meet all clusters of 2 GiB before one comes again. */
    private static final long SPREAD = 12_345;

    private static final long SPREAD_MASK = (1 << 15) - 1;

    /** What a round took. */
    private record Sample(double nsPerRequest, double cpuNsPerRequest) {}

    private static final List<Load> LOADS = List.of(
            new Load("4 KiB random read, depth 1", 4 * KIB, 1, false, Places.RANDOM, 2_000),
            new Load("4 KiB random read, depth 32", 4 * KIB, 32, false, Places.RANDOM, 20_000),
            new Load("4 KiB random write, depth 1", 4 * KIB, 1, true, Places.RANDOM, 2_000),
            new Load("4 KiB random write, depth 32", 4 * KIB, 32, true, Places.RANDOM, 10_000),
            new Load("1 MiB sequential read, depth 1", MIB, 1, false, Places.SEQUENTIAL, 256),
            new Load("1 MiB sequential write, depth 1", MIB, 1, true, Places.SEQUENTIAL, 256));

    private static final List<Load> FRESH = List.of(
            new Load("4 KiB random write, depth 1, fresh", 4 * KIB, 1, true, Places.FRESH_RANDOM, 250, GIB),
            new Load("4 KiB random write, depth 32, fresh", 4 * KIB, 32, true, Places.FRESH_RANDOM, 1_000, 4 * GIB),
            new Load("1 MiB sequential write, depth 1, fresh", MIB, 1, true, Places.FRESH_SEQUENTIAL, 32, 8 * GIB));

    BlockBench(Table table, Path directory) {
        this.table = table;
        this.directory = directory;
    }

    void run() throws IOException, InterruptedException {
        if (!ExitBench.onPath(VhostUserBlock.PROGRAM) || !ExitBench.onPath("qemu-img")) {
            table.row("block", "-", "not installed: apt-get install qemu-system-common qemu-utils");
            return;
        }
        Path image = makeImage();
        try {
            table.heading("Block request through a device process, raw file in the page cache; per request");
            compare("raw", image, image, LOADS);
            table.heading("The same, qcow2 with clusters of 64 KiB; fresh: each write allocates");
            Path ours = convert(image, "ours.qcow2");
            Path theirs = convert(image, "theirs.qcow2");
            List<Load> loads = new ArrayList<>(LOADS);
            loads.addAll(FRESH);
            compare("qcow2", ours, theirs, loads);
            table.row("the image afterwards", check(ours), "qemu-img check");
            Files.delete(ours);
            Files.delete(theirs);
        } finally {
            Files.deleteIfExists(image);
        }
    }

    private Path makeImage() throws IOException {
        Path image = directory.resolve("disk.raw");
        SplittableRandom random = new SplittableRandom(1);
        byte[] chunk = new byte[MIB];
        try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
            for (int i = 0; i < DISK_BYTES / chunk.length; i++) {
                random.nextBytes(chunk);
                file.write(chunk);
            }
            file.getFD().sync(); // written back before anything is measured
        }
        return image;
    }

    /** The data of the raw image, all its clusters allocated, and much empty space behind it. */
    private Path convert(Path raw, String name) throws IOException, InterruptedException {
        Path image = directory.resolve(name);
        DebianMachine.host("qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw.toString(), image.toString());
        DebianMachine.host("qemu-img", "resize", "-f", "qcow2", image.toString(), QCOW2_SIZE);
        DebianMachine.host("sync", image.toString());
        return image;
    }

    private static String check(Path image) {
        try {
            DebianMachine.host("qemu-img", "check", "-f", "qcow2", image.toString());
            return "no errors";
        } catch (IOException | InterruptedException | AssertionError e) {
            return String.valueOf(e.getMessage());
        }
    }

    private void compare(String format, Path image, Path other, List<Load> loads)
            throws IOException, InterruptedException {
        try (BlockTarget ours = JvmmBlock.start(image, format, 0);
                BlockTarget theirs = VhostUserBlock.start(other, format, directory, "threads")) {
            for (Load load : loads) {
                compare(load, ours, theirs);
            }
        }
    }

    private void compare(Load load, BlockTarget ours, BlockTarget theirs) throws IOException {
        List<Sample> mine = new ArrayList<>();
        List<Sample> other = new ArrayList<>();
        for (int round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
            Sample one = round(load, ours, round);
            Sample two = round(load, theirs, round);
            if (round >= 0) {
                mine.add(one);
                other.add(two);
            }
        }
        double[] ratios = new double[ROUNDS];
        for (int i = 0; i < ROUNDS; i++) {
            ratios[i] = mine.get(i).nsPerRequest / other.get(i).nsPerRequest;
        }
        table.row(load.name + ", " + theirs.name(), micros(time(other)), "CPU " + micros(cpu(other)));
        table.row(
                load.name + ", jvmm",
                micros(time(mine)),
                "CPU " + micros(cpu(mine)) + ", " + Table.number(LinkBench.median(ratios), 2) + " x the line above");
    }

    private static String micros(double ns) {
        return Table.number(ns / 1000, 2) + " us";
    }

    private static double time(List<Sample> samples) {
        return LinkBench.median(
                samples.stream().mapToDouble(Sample::nsPerRequest).toArray());
    }

    /** The mean: the clock of CPU time is too coarse for a round. */
    private static double cpu(List<Sample> samples) {
        return samples.stream().mapToDouble(Sample::cpuNsPerRequest).average().orElseThrow();
    }

    private static Sample round(Load load, BlockTarget target, int round) throws IOException {
        SplittableRandom random = new SplittableRandom(round);
        BlockRing ring = target.ring();
        Poller poller = new Poller(1);
        poller.add(target.interrupt().fd(), Poller.READABLE);
        for (int slot = 0; slot < load.depth && load.write; slot++) {
            ring.fill(slot, load.lengthBytes, random);
        }
        long cpu = ProcessorTime.ns(target.pid());
        long start = System.nanoTime();
        int submitted = 0;
        int done = 0;
        while (submitted < load.depth) {
            ring.submit(submitted, load.write, load.position(round, submitted, random), load.lengthBytes);
            submitted++;
        }
        if (ring.shouldKick(load.depth)) {
            target.kick();
        }
        while (done < load.requests) {
            int again = 0;
            for (int slot = ring.reap(); slot >= 0; slot = ring.reap()) {
                done++;
                if (submitted < load.requests) {
                    ring.submit(slot, load.write, load.position(round, submitted, random), load.lengthBytes);
                    submitted++;
                    again++;
                }
            }
            if (again > 0 && ring.shouldKick(again)) {
                target.kick();
            }
            if (done < load.requests && !ring.wantInterrupt()) {
                if (poller.await(PATIENCE_NS) == 0) {
                    throw new IllegalStateException(
                            target.name() + " (" + target.condition() + ") does not answer: " + done + " done");
                }
                target.interrupt().drain();
            }
        }
        double ns = System.nanoTime() - start;
        return new Sample(ns / load.requests, (ProcessorTime.ns(target.pid()) - cpu) / (double) load.requests);
    }
}
