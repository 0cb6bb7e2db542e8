package io.jvmm.it.bench;

import io.jvmm.ipc.sys.Poller;
import io.jvmm.it.bench.PingPong.Kind;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * From the kick of a request that does nothing on the host to its completion, through the block process. The request is GET_ID: it
 * goes the way of any other, with a header to check, twenty bytes and a status to write, a commit, a used element and an interrupt, and
 * makes no system call on its way; the entropy device would ask the kernel, a console's output its back end.
 *
 * <p>Beside it what no device could undercut: a message over a bare link to a process that does nothing at all, and its answer, with as many
 * of the two sides asleep, woken by the same eventfds out of the same ppoll. All of it in turns, this process on one core and the
 * others on the other. Of many rounds the median of their medians, the 99th percentile of all, and the median of the rounds' ratios.
 */
final class NullRequestBench {
    private static final int ROUNDS = 25;
    private static final int WARM_UP_ROUNDS = 8;
    private static final int TRIPS = 60;
    private static final int FIRST_TRIPS = 60;
    /** Before anything is measured: a process that has served so many has compiled what it runs. */
    private static final int WARM_UP_TRIPS = 20_000;

    private static final long DISK_BYTES = 1 << 20;

    /** As {@code vm.toml} has it by default, and the longest it allows. */
    private static final long ADAPTIVE_NS = 50_000;

    private static final long SPINNING_NS = 10_000_000;
    /** In this time an adaptive waiter has gone to sleep. */
    private static final long PAUSE_NS = 150_000;

    private static final long PATIENCE_NS = 10_000_000_000L;

    private final Table table;
    private final Path directory;

    /** Something that is timed again and again. */
    private static final class Trip {
        final String name;
        final long pauseNs;
        final Runnable once;
        final Order order;
        final long[] all = new long[ROUNDS * TRIPS];
        final double[] medians = new double[ROUNDS];

        Trip(String name, long pauseNs, Order order, Runnable once) {
            this.name = name;
            this.pauseNs = pauseNs;
            this.order = order;
            this.once = once;
        }

        double p50() {
            return LinkBench.median(medians);
        }

        double p99() {
            long[] sorted = all.clone();
            Arrays.sort(sorted);
            return sorted[sorted.length * 99 / 100];
        }

        /** Of the medians, round by round. */
        double against(Trip floor) {
            double[] ratios = new double[ROUNDS];
            Arrays.setAll(ratios, i -> medians[i] / floor.medians[i]);
            return LinkBench.median(ratios);
        }
    }

    /** Tells the other side what is coming. */
    private interface Order {
        void give(int count) throws IOException;
    }

    NullRequestBench(Table table, Path directory) {
        this.table = table;
        this.directory = directory;
    }

    void run() throws IOException, InterruptedException {
        if (!ExitBench.onPath(VhostUserBlock.PROGRAM)) {
            table.row("null request", "-", "not installed: apt-get install qemu-system-common");
            return;
        }
        Path image = directory.resolve("null.raw");
        try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
            file.setLength(DISK_BYTES);
        }
        LinkPair.bind(1L);
        try (LinkPair pair = new LinkPair(directory, "1");
                BlockTarget theirs = VhostUserBlock.start(image, "raw", directory, "threads");
                BlockTarget spinning = JvmmBlock.start(image, "raw", SPINNING_NS);
                BlockTarget adaptive = JvmmBlock.start(image, "raw", ADAPTIVE_NS)) {
            // They were started on this core.
            for (BlockTarget target : List.of(theirs, spinning, adaptive)) {
                target.moveTo("1");
            }
            measure(pair, spinning, adaptive, theirs);
        } finally {
            LinkPair.bind(-1L);
            Files.deleteIfExists(image);
        }
    }

    private void measure(LinkPair pair, BlockTarget spinning, BlockTarget adaptive, BlockTarget theirs)
            throws IOException, InterruptedException {
        Trip ring = floor("bare link, both sides spin", 0, pair, Kind.LINK_SPINNING);
        Trip toDevice = floor("bare link and one wake, of the answering side", PAUSE_NS, pair, Kind.LINK_WOKEN);
        Trip toDriver = floor("bare link and one wake, of the asking side", 0, pair, Kind.INTERRUPT);
        Trip both = floor("bare link and two wakes", PAUSE_NS, pair, Kind.INTERRUPT_WOKEN);
        Trip looked = looking("null request, device spins, driver looks", 0, spinning);
        Trip woken = sleeping("null request, device spins, driver sleeps", 0, spinning);
        Trip busy = sleeping("null request, adaptive device in use, driver sleeps", 0, adaptive);
        Trip idle = looking("null request, adaptive device asleep, driver looks", PAUSE_NS, adaptive);
        Trip asleep = sleeping("null request, adaptive device asleep, driver sleeps", PAUSE_NS, adaptive);
        Trip qemu = sleeping("the same request to " + theirs.name() + ", both asleep", PAUSE_NS, theirs);
        List<Trip> trips = List.of(ring, toDevice, toDriver, both, looked, woken, busy, idle, asleep, qemu);
        for (Trip trip : List.of(looked, busy, qemu)) {
            for (int i = 0; i < WARM_UP_TRIPS; i++) {
                trip.once.run();
            }
        }
        for (int round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
            for (Trip trip : trips) {
                round(trip, round);
                if (trip == woken) {
                    TimeUnit.NANOSECONDS.sleep(2 * SPINNING_NS); // it must not spin on the core of those that follow
                }
            }
        }
        table.heading("Null request (GET_ID to the block process), kick to completion, median; two cores");
        for (Trip trip : List.of(ring, toDevice, toDriver, both)) {
            row(trip, "");
        }
        row(looked, ratio(looked, ring, "bare link"));
        row(woken, ratio(woken, toDriver, "bare link and one wake"));
        row(busy, ratio(busy, toDriver, "bare link and one wake"));
        row(idle, ratio(idle, toDevice, "bare link and one wake"));
        row(asleep, ratio(asleep, both, "bare link and two wakes") + ratio(asleep, toDevice, "bare link and one wake"));
        row(qemu, ratio(qemu, both, "bare link and two wakes"));
    }

    private static String ratio(Trip trip, Trip floor, String name) {
        return ", " + Table.number(trip.against(floor), 2) + " x " + name + " (p99 "
                + Table.number(trip.p99() / floor.p99(), 2) + " x)";
    }

    private void row(Trip trip, String note) {
        table.row(
                trip.name,
                Table.number(trip.p50() / 1000, 2) + " us",
                "p99 " + Table.number(trip.p99() / 1000, 1) + " us" + note);
    }

    private static Trip floor(String name, long pauseNs, LinkPair pair, Kind kind) {
        return new Trip(name, pauseNs, count -> pair.order(kind, count), () -> pair.askLink(kind, 1));
    }

    /** The driver looks at the used ring until the request is there; it wants no interrupt. */
    private static Trip looking(String name, long pauseNs, BlockTarget target) {
        BlockRing ring = target.ring();
        return new Trip(name, pauseNs, count -> {}, () -> {
            kick(target);
            long endNs = System.nanoTime() + PATIENCE_NS;
            while (ring.reap() < 0) {
                Thread.onSpinWait();
                if (System.nanoTime() > endNs) {
                    throw new IllegalStateException("no answer; the device is " + target.condition());
                }
            }
        });
    }

    /** The driver sleeps until the interrupt comes. */
    private static Trip sleeping(String name, long pauseNs, BlockTarget target) {
        BlockRing ring = target.ring();
        Poller poller = new Poller(1);
        poller.add(target.interrupt().fd(), Poller.READABLE);
        return new Trip(name, pauseNs, count -> {}, () -> {
            ring.wantInterrupt();
            kick(target);
            do {
                if (poller.await(PATIENCE_NS) == 0) {
                    throw new IllegalStateException("no interrupt; the device is " + target.condition());
                }
                target.interrupt().drain();
            } while (ring.reap() < 0);
        });
    }

    private static void kick(BlockTarget target) {
        target.ring().submitNothing(0);
        if (target.ring().shouldKick(1)) {
            target.kick();
        }
    }

    private static void round(Trip trip, int round) throws IOException {
        trip.order.give(FIRST_TRIPS + TRIPS);
        for (int i = 0; i < FIRST_TRIPS; i++) {
            trip.once.run();
        }
        long[] times = new long[TRIPS];
        for (int i = 0; i < TRIPS; i++) {
            pause(trip.pauseNs);
            long start = System.nanoTime();
            trip.once.run();
            times[i] = System.nanoTime() - start;
        }
        if (round >= 0) {
            System.arraycopy(times, 0, trip.all, round * TRIPS, TRIPS);
            Arrays.sort(times);
            trip.medians[round] = times[TRIPS / 2];
        }
    }

    /** This side stays awake: a sleep would add its own core's awakening to what is timed. */
    private static void pause(long ns) {
        long endNs = System.nanoTime() + ns;
        while (ns > 0 && System.nanoTime() < endNs) {
            Thread.onSpinWait();
        }
    }
}
