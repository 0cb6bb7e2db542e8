package io.jvmm.it.bench;

import io.jvmm.ipc.sys.Poller;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * The path of a block request through a device process, and nothing else: this process plays the guest, with rings in shared memory
 * and eventfds, first to our block device over its link and then to QEMU's storage daemon over vhost-user, with the same
 * file in the page cache. Rounds alternate; a figure is the median of the rounds, a ratio the median of the pairs' ratios.
 */
final class BlockBench {
    /** VIRTIO_F_VERSION_1, VIRTIO_F_EVENT_IDX, VIRTIO_BLK_F_FLUSH. */
    static final long FEATURES = 1L << 32 | 1L << 29 | 1L << 9;

    private static final int DISK_BYTES = 256 << 20;
    private static final int ROUNDS = 21;
    private static final int WARM_UP_ROUNDS = 3;
    private static final long PATIENCE_NS = 10_000_000_000L;

    private final Table table;
    private final Path directory;

    /** What a round does. */
    private record Load(String name, int lengthBytes, int depth, boolean write, boolean random, int requests) {}

    /** What a round took. */
    private record Sample(double nsPerRequest, double cpuNsPerRequest) {}

    private static final List<Load> LOADS = List.of(
            new Load("4 KiB random read, depth 1", 4096, 1, false, true, 2_000),
            new Load("4 KiB random read, depth 32", 4096, 32, false, true, 20_000),
            new Load("4 KiB random write, depth 1", 4096, 1, true, true, 2_000),
            new Load("4 KiB random write, depth 32", 4096, 32, true, true, 20_000),
            new Load("1 MiB sequential read, depth 1", 1 << 20, 1, false, false, 256),
            new Load("1 MiB sequential write, depth 1", 1 << 20, 1, true, false, 256));

    BlockBench(Table table, Path directory) {
        this.table = table;
        this.directory = directory;
    }

    void run() throws IOException, InterruptedException {
        table.heading("Block request through a device process, file in the page cache; per request");
        Path image = makeImage();
        try (BlockTarget ours = JvmmBlock.start(image);
                BlockTarget theirs = VhostUserBlock.start(image, directory, "threads")) {
            for (Load load : LOADS) {
                compare(load, ours, theirs);
            }
        } finally {
            Files.deleteIfExists(image);
        }
    }

    private Path makeImage() throws IOException {
        Path image = directory.resolve("disk.raw");
        SplittableRandom random = new SplittableRandom(1);
        byte[] chunk = new byte[1 << 20];
        try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
            for (int i = 0; i < DISK_BYTES / chunk.length; i++) {
                random.nextBytes(chunk);
                file.write(chunk);
            }
            file.getFD().sync(); // written back before anything is measured
        }
        return image;
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
        long cpu = cpuNs(target.pid());
        long start = System.nanoTime();
        int submitted = 0;
        int done = 0;
        while (submitted < load.depth) {
            submit(load, ring, submitted, submitted, random);
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
                    submit(load, ring, slot, submitted, random);
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
        return new Sample(ns / load.requests, (cpuNs(target.pid()) - cpu) / (double) load.requests);
    }

    private static void submit(Load load, BlockRing ring, int slot, int number, SplittableRandom random) {
        int places = DISK_BYTES / load.lengthBytes;
        long place = load.random ? random.nextInt(places) : number % places;
        ring.submit(slot, load.write, place * load.lengthBytes, load.lengthBytes);
    }

    /** What all threads of a process have run so far: the scheduler's own count, or that of the clock ticks. */
    private static long cpuNs(long pid) throws IOException {
        long sum = 0;
        try (var tasks = Files.newDirectoryStream(Path.of("/proc/" + pid + "/task"))) {
            for (Path task : tasks) {
                String text = Files.readString(task.resolve("schedstat"));
                sum += Long.parseLong(text.substring(0, text.indexOf(' ')));
            }
        }
        return sum;
    }
}
