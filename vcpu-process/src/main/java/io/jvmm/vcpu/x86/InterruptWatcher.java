package io.jvmm.vcpu.x86;

import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.vcpu.x86.apic.Chipset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Turns signalled eventfds into interrupts: one thread that sleeps in ppoll on all of them.
 *
 * <p>Hostile: whoever holds an eventfd may signal it as often as he likes; that costs this thread time and raises one interrupt a round.
 */
final class InterruptWatcher implements AutoCloseable {
    private static final long JOIN_MS = 1_000;
    private static final int STACK_BYTES = 256 << 10;

    private final EventFd doorbell = EventFd.create();
    private volatile List<Source> sources = List.of();
    private final EventFd[][] resamplers = new EventFd[Chipset.GSIS][0];
    private volatile boolean ending;
    private @Nullable Thread thread;
    private final Consumer<String> failed;

    /** @param failed told, on the thread that watches, why it ends before it is asked to: nobody raises interrupts then */
    InterruptWatcher(Consumer<String> failed) {
        this.failed = failed;
    }

    /** @param resample null for an edge */
    private record Source(int gsi, EventFd line, @Nullable EventFd resample) {}

    /** Watches {@code line}; the descriptors stay the caller's. One thread. */
    void add(int gsi, Fd line, @Nullable Fd resample) {
        final EventFd copy = resample == null ? null : EventFd.of(resample.duplicate());
        if (copy != null) {
            final EventFd[] before = resamplers[gsi];
            final EventFd[] after = Arrays.copyOf(before, before.length + 1);
            after[before.length] = copy;
            resamplers[gsi] = after;
        }
        final List<Source> more = new ArrayList<>(sources);
        more.add(new Source(gsi, EventFd.of(line.duplicate()), copy));
        sources = List.copyOf(more);
        doorbell.signal();
    }

    /** A level-triggered interrupt has been acknowledged: its devices are asked whether their condition still holds. Any thread. */
    void acknowledged(int gsi) {
        for (final EventFd resampler : resamplers[gsi]) {
            resampler.signal();
        }
    }

    /** Starts the thread, and returns when it runs and has what it needs. */
    void start(Chipset chipset) {
        if (thread != null) {
            return;
        }
        final CountDownLatch begun = new CountDownLatch(1);
        final Thread made = new Thread(null, () -> live(chipset, begun), "interrupts", STACK_BYTES);
        made.setDaemon(true);
        made.start();
        thread = made;
        try {
            begun.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException("nobody interrupts the main thread", e);
        }
    }

    private void live(Chipset chipset, CountDownLatch begun) {
        try {
            watch(chipset, begun);
        } catch (RuntimeException | Error e) {
            if (!ending) {
                failed.accept("the thread that watches interrupts has ended: " + e);
            }
        } finally {
            begun.countDown();
        }
    }

    private void watch(Chipset chipset, CountDownLatch begun) {
        long timeoutNs = 0;
        while (!ending) {
            doorbell.drain();
            final List<Source> watched = sources;
            final Poller poller = new Poller(watched.size() + 1);
            poller.add(doorbell.fd(), Poller.READABLE);
            for (final Source source : watched) {
                poller.add(source.line.fd(), Poller.READABLE);
            }
            do {
                round(watched, poller, chipset, timeoutNs);
                begun.countDown();
                timeoutNs = Poller.FOREVER;
            } while (poller.ready(0) == 0);
        }
    }

    private static void round(List<Source> watched, Poller poller, Chipset chipset, long timeoutNs) {
        if (poller.await(timeoutNs) == 0) {
            return;
        }
        for (int i = 0; i < watched.size(); i++) {
            if (poller.ready(1 + i) == 0) {
                continue;
            }
            final Source source = watched.get(i);
            if (!poller.isReady(1 + i, Poller.READABLE)) {
                // A descriptor that is no eventfd would keep this thread busy.
                poller.ignore(1 + i);
            } else {
                take(source, chipset);
            }
        }
    }

    /** Under the chipset's lock, so that a signal is either in the eventfd or in the chipset for whoever saves the machine's state. */
    private static void take(Source source, Chipset chipset) {
        synchronized (chipset) {
            if (source.line.drain() != 0) {
                if (source.resample == null) {
                    chipset.pulse(source.gsi);
                } else {
                    chipset.assertLevel(source.gsi);
                }
            }
        }
    }

    /** Raises what has been signalled so far. Any thread. */
    void collect(Chipset chipset) {
        for (final Source source : sources) {
            take(source, chipset);
        }
    }

    @Override
    public void close() {
        ending = true;
        final Thread running = thread;
        if (running != null) {
            doorbell.signal();
            try {
                running.join(JOIN_MS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        for (final Source source : sources) {
            source.line.close();
            if (source.resample != null) {
                source.resample.close();
            }
        }
        doorbell.close();
    }
}
