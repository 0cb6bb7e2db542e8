package io.jvmm.supervisor.bus;

import io.jvmm.supervisor.telemetry.Telemetry;
import io.jvmm.supervisor.telemetry.TelemetryCodec;
import io.jvmm.supervisor.telemetry.TelemetryHub;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Comparator;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The stream of telemetry, there as long as somebody observes: {@link #open} begins it, on a thread of its own, and some seconds after the last observer has
 * left it ends and leaves nothing. A machine that nobody watches has no such thread and no such files.
 *
 * <p>The thread works the driver, sends what the hub gives it, asks the event loop once a second how the processes are, and never waits for an
 * observer. What finds no room waits in a queue; what finds no room there is lost, which its sequence number tells.
 */
public final class TelemetryBus implements AutoCloseable {
    /** So long it stays without observers. */
    private static final long LINGER_NS = TimeUnit.SECONDS.toNanos(5);

    /** So long the first one may take to come. */
    private static final long FIRST_NS = TimeUnit.SECONDS.toNanos(8);

    private static final int MOST_WAITING = 8192;
    private static final long NAP_NS = TimeUnit.MILLISECONDS.toNanos(5);
    private static final long SAMPLE_NS = TimeUnit.SECONDS.toNanos(1);
    private static final long TRACES_NS = TimeUnit.MILLISECONDS.toNanos(50);
    private static final int RECORDS_AT_ONCE = 256;

    private final TelemetryHub hub;
    private final Path parent;
    private final long firstNs;
    private final long lingerNs;
    private final Host host;
    private int number;
    private @Nullable Life life;

    /**
     * What the host may not have: a thread, and room for files that are mapped.
     *
     * @param threads starts one
     * @param media starts the driver in a directory
     */
    record Host(Function<Runnable, Thread> threads, Function<Path, BusMedium> media) {
        static final Host REAL =
                new Host(r -> Thread.ofPlatform().daemon().name("bus").start(r), BusMedium::new);
    }

    /**
     * One that is not there yet.
     *
     * @param parent where its directories may be made; nobody else's
     */
    public TelemetryBus(TelemetryHub hub, Path parent) {
        this(hub, parent, FIRST_NS, LINGER_NS, Host.REAL);
    }

    /** The same with less patience, or on another host, for tests. */
    TelemetryBus(TelemetryHub hub, Path parent, long firstNs, long lingerNs, Host host) {
        this.hub = hub;
        this.parent = parent;
        this.firstNs = firstNs;
        this.lingerNs = lingerNs;
        this.host = host;
    }

    /**
     * Where an observer is to come; the stream is there by the time it looks, or soon.
     *
     * @throws UncheckedIOException when the host has no room for it, or no thread
     */
    public synchronized Path open() {
        Life now = life;
        if (now == null || !now.stay()) {
            now = new Life(parent.resolve("bus-" + ++number));
            life = now;
        }
        return now.directory;
    }

    /** Whether there is a stream. For tests. */
    synchronized boolean isOpen() {
        Life now = life;
        return now != null && !now.over;
    }

    @Override
    public synchronized void close() {
        Life now = life;
        if (now != null) {
            now.end();
        }
    }

    /** From the first observer to the last. */
    private final class Life implements TelemetryHub.Carrier {
        final Path directory;
        private final ArrayBlockingQueue<Telemetry.Envelope> waiting = new ArrayBlockingQueue<>(MOST_WAITING);
        private final ArrayBlockingQueue<Telemetry.Sample> samples = new ArrayBlockingQueue<>(2);
        private final TelemetryCodec codec = new TelemetryCodec();
        private final Thread thread;
        private volatile boolean ending;
        private volatile boolean over;
        private volatile long untilNs = System.nanoTime() + firstNs;
        private boolean leaving;
        private final UsageWatch usage = new UsageWatch();
        private Telemetry.@Nullable Envelope next;
        private int length;

        Life(Path directory) {
            this.directory = directory.resolve("aeron"); // which it makes itself, open to whoever may come so far
            makePrivate(directory);
            hub.carryBy(this);
            try {
                thread = host.threads().apply(this::run);
            } catch (OutOfMemoryError e) { // that is how the JVM says that there is no thread (RLIMIT_NPROC, pids.max)
                hub.carriedNoMoreBy(this);
                remove(directory);
                throw new UncheckedIOException(
                        new IOException("the stream of telemetry has no thread: the host gives this user no more", e));
            }
        }

        /** Another observer is about to come; false if it is too late for that. */
        synchronized boolean stay() {
            untilNs = Math.max(untilNs, System.nanoTime() + firstNs);
            return !leaving;
        }

        private synchronized boolean leave(long nowNs) {
            leaving |= ending || nowNs - untilNs >= 0;
            return leaving;
        }

        @Override
        public boolean carry(Telemetry.Envelope envelope) {
            return waiting.offer(envelope);
        }

        private void run() {
            try (BusMedium medium = host.media().apply(directory)) {
                serve(medium);
            } catch (RuntimeException | InternalError e) { // the latter for a mapped file whose disk is full
                // Whoever observes finds no stream, and says so; the machine has nothing to do with it.
                System.getLogger("jvmm").log(System.Logger.Level.DEBUG, "bus", e);
            } finally {
                synchronized (this) {
                    leaving = true;
                }
                hub.carriedNoMoreBy(this);
                Path made = directory.getParent();
                remove(made == null ? directory : made);
                over = true;
            }
        }

        private void serve(BusMedium medium) {
            long nextSampleNs = System.nanoTime();
            long nextTracesNs = nextSampleNs;
            untilNs = Math.max(untilNs, nextSampleNs + firstNs); // nobody could join before
            while (medium.isAlive()) {
                long nowNs = System.nanoTime();
                medium.work();
                if (medium.hasObservers()) {
                    untilNs = Math.max(untilNs, nowNs + lingerNs);
                    if (nowNs - nextSampleNs >= 0) {
                        nextSampleNs = nowNs + SAMPLE_NS;
                        hub.ask(new TelemetryHub.Request.Sample(s -> samples.offer(s), true));
                    }
                    if (nowNs - nextTracesNs >= 0) {
                        nextTracesNs = nowNs + TRACES_NS;
                        hub.ask(new TelemetryHub.Request.Traces());
                    }
                } else if (leave(nowNs)) {
                    return;
                }
                if (ending) {
                    return;
                }
                Telemetry.Sample sample = samples.poll();
                if (sample != null) {
                    tell(sample);
                }
                if (send(medium) == 0) {
                    LockSupport.parkNanos(NAP_NS);
                }
            }
        }

        private void tell(Telemetry.Sample sample) {
            hub.tell(sample.machine());
            usage.nextMoment();
            for (Telemetry.Row p : sample.processes()) {
                hub.tell(usage.complete(p));
            }
        }

        /** How many records went. */
        private int send(BusMedium medium) {
            int sent = 0;
            while (sent < RECORDS_AT_ONCE) {
                if (next == null) {
                    next = waiting.poll();
                    if (next == null) {
                        return sent;
                    }
                    length = codec.encode(next);
                }
                switch (medium.offer(codec.buffer(), length)) {
                    case SENT, NOBODY -> {
                        next = null;
                        sent++;
                    }
                    case LATER -> {
                        return sent;
                    }
                }
            }
            return sent;
        }

        void end() {
            ending = true;
            LockSupport.unpark(thread);
            try {
                thread.join(TimeUnit.SECONDS.toMillis(2));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** What the driver has not removed itself, too: it may have died of a full disk. */
    private static void remove(Path directory) {
        try (Stream<Path> all = Files.walk(directory)) {
            for (Path p : all.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(p);
            }
        } catch (IOException | UncheckedIOException e) {
            System.getLogger("jvmm").log(System.Logger.Level.DEBUG, "bus", e); // it goes with the machine's directory
        }
    }

    private static void makePrivate(Path directory) {
        try {
            Files.createDirectory(
                    directory, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        } catch (IOException e) {
            throw new UncheckedIOException(directory + " cannot be made: " + e.getMessage(), e);
        }
    }
}
