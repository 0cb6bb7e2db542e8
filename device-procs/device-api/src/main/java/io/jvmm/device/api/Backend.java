package io.jvmm.device.api;

import io.jvmm.ipc.sys.Poller;

/**
 * The host's end of one of a core's host ports: the only thing in a device process that reads and writes descriptors of
 * the host. Flow-controlled both ways: it reads no more than the core has room for and keeps in the core what the host
 * does not take.
 *
 * <p><b>Thread:</b> the device thread. Every call is bounded and never waits. <b>Allocation:</b> none, once attached.
 * <b>Hostile:</b> the bytes, their amount and their pace; a peer that comes and goes. A failure of the host never leaves
 * this interface as an exception: the port degrades and {@link HostEvents#backendLost} tells once.
 *
 * <p>The methods that return a boolean tell whether they called into the core, so that the state has to be committed.
 */
public interface Backend {

    /** The most descriptors a back end watches unless it says otherwise. */
    int MAX_DESCRIPTORS = 3;

    /** Which host port of the core this is; what {@link HostEvents} calls it. 0..255. */
    int port();

    /** The most descriptors this back end watches, at once. */
    default int maxDescriptors() {
        return MAX_DESCRIPTORS;
    }

    /**
     * Whether {@link #deliver} would find something that no descriptor need be polled for, such as what a thread of the device's
     * own has finished. A cheap look, made while the process spins and once more between {@link #watch} and sleeping: with
     * {@link WorkerBell} nothing is missed.
     */
    default boolean hasWork() {
        return false;
    }

    /** Adds its descriptors to the poller, ignored as yet, and tells the core whether a peer is present. */
    boolean attach(Poller poller, long nowNs);

    /** Before the process sleeps: watches for what the core has room for, and for what the host owes. */
    void watch(Poller poller);

    /** The machine is paused: the poller looks at none of its descriptors, not even for a hang-up. */
    void unwatch(Poller poller);

    /** After a poll: moves bytes in both directions where the poller says so. At most one read and a few writes. */
    boolean service(Poller poller, long nowNs);

    /** Offers the core's output to the host, unless the host is known to be full. */
    boolean flush(long nowNs);

    /** Hands input that was read earlier to the core, as far as there is room by now. */
    boolean deliver(long nowNs);

    /** The state was committed, and with it whatever this back end did to the core. Called after every commit; cheap. */
    default void committed() {}

    /** What has come from the host since this process began, in bytes. */
    default long inputBytes() {
        return 0;
    }

    /** What the host has taken since this process began, in bytes. */
    default long outputBytes() {
        return 0;
    }

    /** Output that was too old to keep while nobody was there, in bytes. */
    default long droppedBytes() {
        return 0;
    }

    /**
     * The device is to serve no more for now: finishes what is under way at the host, and makes it safe there. May wait, but not for
     * ever; who has not come to an end by then says what it waits for ({@link HostEvents#warn}).
     *
     * @param patienceNs how long it may wait
     * @return whether it called into the core
     */
    default boolean settle(long nowNs, long patienceNs) {
        return false;
    }

    /** Whether {@link #settle} would have nothing to wait for. */
    default boolean settled() {
        return true;
    }

    /** A scratch machine is taken down: ends threads of the back end. A device process never comes here. */
    default void close() {}

    /** When it wants {@link #service} called although no descriptor is ready, or {@link DeviceCore#NO_DEADLINE}. */
    default long nextDeadlineNs() {
        return DeviceCore.NO_DEADLINE;
    }
}
