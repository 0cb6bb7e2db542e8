package io.jvmm.device.api;

import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Poller;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * How threads of a device's own, started before the jail closes, wake its duty cycle: an eventfd, written to only while the
 * device thread sleeps. A back end that is rung makes it part of its own methods of the same names:
 *
 * <ul>
 *   <li>{@link Backend#attach}: {@link #attach}; {@link Backend#watch}: {@link #watch(Poller)}; {@link Backend#unwatch}:
 *       {@link #unwatch};
 *   <li>{@link Backend#service}: {@link #awake}, then as {@link Backend#deliver}, which takes what is finished;
 *   <li>{@link Backend#hasWork}: whether something is finished.
 * </ul>
 *
 * <p>A worker makes its result visible and then calls {@link #ring}. Nothing here allocates after construction.
 */
public final class WorkerBell implements AutoCloseable {

    private final EventFd eventFd = EventFd.create();
    private final AtomicInteger asleep = new AtomicInteger();
    private final Poller alone = new Poller(1);
    private int index = -1;

    public WorkerBell() {
        alone.add(eventFd.fd(), Poller.READABLE);
    }

    /** Device thread: adds the eventfd to the poller, which from now on watches it. */
    public void attach(Poller poller) {
        index = poller.add(eventFd.fd(), Poller.READABLE);
    }

    /** Device thread, before every poll: from now on it must be rung. Look for finished work after this. */
    public void watch() {
        asleep.set(1);
    }

    /** The same, after {@link #unwatch}. */
    public void watch(Poller poller) {
        poller.watch(index, eventFd.fd(), Poller.READABLE);
        watch();
    }

    /** Device thread, while the machine is paused: nobody need ring, and a ring does not wake it. */
    public void unwatch(Poller poller) {
        asleep.set(0);
        poller.ignore(index);
    }

    /** Device thread, after every poll: it looks by itself again. */
    public void awake(Poller poller) {
        if (asleep.get() != 0) {
            asleep.set(0);
        }
        if (poller.ready(index) != 0) {
            eventFd.drain();
        }
    }

    /** Device thread, outside the duty cycle: after {@link #watch()} and a look in vain, waits to be rung, so long at most. */
    public void await(long timeoutNs) {
        alone.await(timeoutNs);
        asleep.set(0);
        eventFd.drain();
    }

    /** Any thread, after its result can be seen. */
    public void ring() {
        if (asleep.get() != 0 && asleep.compareAndSet(1, 0)) {
            eventFd.signal();
        }
    }

    /** Closes the eventfd; nobody may ring any more. */
    @Override
    public void close() {
        eventFd.close();
    }
}
