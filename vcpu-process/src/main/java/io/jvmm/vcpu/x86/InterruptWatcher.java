package io.jvmm.vcpu.x86;

import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.vcpu.x86.apic.Chipset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;

/**
 * Turns signalled eventfds into interrupts: one thread that sleeps in ppoll on all of them. Sources are added before {@link #start()}.
 *
 * <p>Hostile: whoever holds an eventfd may signal it as often as he likes; that costs this thread time and raises one interrupt a round.
 */
final class InterruptWatcher implements AutoCloseable {
    private static final long JOIN_MS = 1_000;
    private static final int STACK_BYTES = 256 << 10;

    private final List<Source> sources = new ArrayList<>();
    private final EventFd end = EventFd.create();
    private final EventFd[][] resamplers = new EventFd[Chipset.GSIS][0];
    private volatile boolean ending;
    private @Nullable Thread thread;

    /** @param resample null for an edge */
    private record Source(int gsi, EventFd line, @Nullable EventFd resample) {}

    /** Watches {@code line}; the descriptors stay the caller's. */
    void add(int gsi, Fd line, @Nullable Fd resample) {
        final EventFd copy = resample == null ? null : EventFd.of(resample.duplicate());
        sources.add(new Source(gsi, EventFd.of(line.duplicate()), copy));
        if (copy != null) {
            final EventFd[] before = resamplers[gsi];
            final EventFd[] after = Arrays.copyOf(before, before.length + 1);
            after[before.length] = copy;
            resamplers[gsi] = after;
        }
    }

    /** A level-triggered interrupt has been acknowledged: its devices are asked whether their condition still holds. Any thread. */
    void acknowledged(int gsi) {
        for (final EventFd resampler : resamplers[gsi]) {
            resampler.signal();
        }
    }

    /** Starts the thread, and returns when it is about to sleep. */
    void start(Chipset chipset) {
        if (thread != null || sources.isEmpty()) {
            return;
        }
        final Poller poller = new Poller(sources.size() + 1);
        for (final Source source : sources) {
            poller.add(source.line.fd(), Poller.READABLE);
        }
        poller.add(end.fd(), Poller.READABLE);
        final CountDownLatch begun = new CountDownLatch(1);
        final Thread made = new Thread(
                null,
                () -> {
                    round(poller, chipset, 0);
                    begun.countDown();
                    watch(poller, chipset);
                },
                "interrupts",
                STACK_BYTES);
        made.setDaemon(true);
        made.start();
        thread = made;
        try {
            begun.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException("nobody interrupts the main thread", e);
        }
    }

    private void watch(Poller poller, Chipset chipset) {
        while (!ending) {
            round(poller, chipset, Poller.FOREVER);
        }
    }

    private void round(Poller poller, Chipset chipset, long timeoutNs) {
        if (poller.await(timeoutNs) == 0) {
            return;
        }
        for (int i = 0; i < sources.size(); i++) {
            if (poller.ready(i) != 0) {
                final Source source = sources.get(i);
                if (!poller.isReady(i, Poller.READABLE)) {
                    // A descriptor that is no eventfd would keep this thread busy.
                    poller.ignore(i);
                } else if (source.line.drain() != 0) {
                    if (source.resample == null) {
                        chipset.pulse(source.gsi);
                    } else {
                        chipset.assertLevel(source.gsi);
                    }
                }
            }
        }
    }

    @Override
    public void close() {
        ending = true;
        final Thread running = thread;
        if (running != null) {
            end.signal();
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
        end.close();
    }
}
