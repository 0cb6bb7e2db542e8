package io.jvmm.vcpu.x86;

import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.vcpu.engine.MessageInterrupt;
import io.jvmm.vcpu.x86.apic.ApicBus;
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
    private volatile List<Message> messages = List.of();
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

    /** Watches {@code line}, which stays the caller's, while the message is not masked. One thread. */
    MessageInterrupt addMessage(Fd line, Chipset chipset, ApicBus bus) {
        final Message message = new Message(EventFd.of(line), chipset, bus);
        final List<Message> more = new ArrayList<>(messages);
        more.add(message);
        messages = List.copyOf(more);
        doorbell.signal();
        return message;
    }

    /** Its fields are guarded by the chipset's lock, as what it sends is: see {@link #take}. */
    private final class Message implements MessageInterrupt {
        private final EventFd line;
        private final Chipset chipset;
        private final ApicBus bus;
        private boolean masked = true;
        /** Whether the thread sleeps on it: one that it has found signalled and masked it does not. */
        private boolean watched;

        private long address;
        private int data;

        Message(EventFd line, Chipset chipset, ApicBus bus) {
            this.line = line;
            this.chipset = chipset;
            this.bus = bus;
        }

        @Override
        public void unmask(long newAddress, int newData) {
            final boolean wake;
            synchronized (chipset) {
                address = newAddress;
                data = newData;
                masked = false;
                wake = !watched;
                watched = true;
                send();
            }
            if (wake) {
                doorbell.signal();
            }
        }

        @Override
        public void mask() {
            synchronized (chipset) {
                send();
                masked = true;
            }
        }

        /** Sends what has been signalled. Under the lock. */
        private void send() {
            if (!masked && line.drain() != 0) {
                bus.deliverMsi(address, data);
            }
        }

        /** Under the lock: sends, or says that it is masked and need not be watched. */
        private boolean serve() {
            send();
            watched = !masked;
            return watched;
        }
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
        Watched watched = new Watched(sources, messages);
        long timeoutNs = 0;
        while (!ending) {
            doorbell.drain();
            // They only ever become more.
            if (watched.lines.size() != sources.size() || watched.messages.size() != messages.size()) {
                watched = new Watched(sources, messages);
            }
            watched.listen(chipset);
            do {
                watched.round(chipset, timeoutNs);
                begun.countDown();
                timeoutNs = Poller.FOREVER;
            } while (!watched.isCalled());
        }
    }

    /** What the thread sleeps on: the doorbell, the lines, and such messages as are not masked. */
    private final class Watched {
        private final List<Source> lines;
        private final List<Message> messages;
        private final Poller poller;
        private final int firstMessage;

        Watched(List<Source> lines, List<Message> messages) {
            this.lines = lines;
            this.messages = messages;
            this.firstMessage = 1 + lines.size();
            this.poller = new Poller(firstMessage + messages.size());
            poller.add(doorbell.fd(), Poller.READABLE);
            for (final Source source : lines) {
                poller.add(source.line.fd(), Poller.READABLE);
            }
            for (final Message message : messages) {
                poller.add(message.line.fd(), Poller.READABLE);
            }
        }

        /** Somebody has rung the doorbell. */
        boolean isCalled() {
            return poller.ready(0) != 0;
        }

        void listen(Chipset chipset) {
            for (int i = 0; i < messages.size(); i++) {
                final Message message = messages.get(i);
                synchronized (chipset) {
                    if (message.watched) {
                        poller.watch(firstMessage + i, message.line.fd(), Poller.READABLE);
                    } else {
                        poller.ignore(firstMessage + i);
                    }
                }
            }
        }

        void round(Chipset chipset, long timeoutNs) {
            if (poller.await(timeoutNs) == 0) {
                return;
            }
            for (int i = 0; i < lines.size(); i++) {
                if (isSignalled(1 + i)) {
                    take(lines.get(i), chipset);
                }
            }
            for (int i = 0; i < messages.size(); i++) {
                if (isSignalled(firstMessage + i)) {
                    synchronized (chipset) {
                        if (!messages.get(i).serve()) {
                            poller.ignore(firstMessage + i);
                        }
                    }
                }
            }
        }

        private boolean isSignalled(int index) {
            if (poller.ready(index) == 0) {
                return false;
            }
            if (!poller.isReady(index, Poller.READABLE)) {
                // A descriptor that is no eventfd would keep this thread busy.
                poller.ignore(index);
                return false;
            }
            return true;
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
        for (final Message message : messages) {
            synchronized (chipset) {
                message.send();
            }
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
