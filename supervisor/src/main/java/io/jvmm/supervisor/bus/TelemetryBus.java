package io.jvmm.supervisor.bus;

import io.jvmm.supervisor.telemetry.Telemetry;
import io.jvmm.supervisor.telemetry.TelemetryCodec;
import io.jvmm.supervisor.telemetry.TelemetryHub;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
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
    private int number;
    private @Nullable Life life;

    /**
     * One that is not there yet.
     *
     * @param parent where its directories may be made; nobody else's
     */
    public TelemetryBus(TelemetryHub hub, Path parent) {
        this(hub, parent, FIRST_NS, LINGER_NS);
    }

    /** The same with less patience, for tests. */
    TelemetryBus(TelemetryHub hub, Path parent, long firstNs, long lingerNs) {
        this.hub = hub;
        this.parent = parent;
        this.firstNs = firstNs;
        this.lingerNs = lingerNs;
    }

    /** Where an observer is to come; the stream is there by the time it looks, or soon. */
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
            thread = Thread.ofPlatform().daemon().name("bus").start(this::run);
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
            try (BusMedium medium = new BusMedium(directory)) {
                serve(medium);
            } catch (RuntimeException e) {
                // Whoever observes finds no stream, and says so; the machine has nothing to do with it.
                System.getLogger("jvmm").log(System.Logger.Level.DEBUG, "bus", e);
            } finally {
                synchronized (this) {
                    leaving = true;
                }
                hub.carriedNoMoreBy(this);
                remove(directory);
                over = true;
            }
        }

        private void serve(BusMedium medium) {
            long nextSampleNs = System.nanoTime();
            long nextTracesNs = nextSampleNs;
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

    /** The driver has removed what was its own. */
    private static void remove(Path aeron) {
        try {
            Files.deleteIfExists(aeron);
            Path parent = aeron.getParent();
            if (parent != null) {
                Files.deleteIfExists(parent);
            }
        } catch (IOException e) {
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
