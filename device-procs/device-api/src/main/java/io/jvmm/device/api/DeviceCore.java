package io.jvmm.device.api;

import io.jvmm.ipc.message.SupervisorRequestType;

/**
 * The behaviour of a device: a message comes in, the state changes, effects go out. Pure: no clock, no I/O, no thread,
 * no allocation after construction. Unit tests, the scripted peer, the fuzzer and the replayer drive it as the device
 * process does.
 *
 * <p>All state the guest can observe lives in the state buffer given at construction (see {@link DeviceFactory}), so a
 * copy of that buffer taken between two calls is the whole device. A core may cache nothing that it cannot work out
 * again from the buffer.
 *
 * <p><b>Thread:</b> one, the device thread. <b>Hostile:</b> every argument of {@link #read}, {@link #write} and
 * {@link #kick}; the runtime has checked only that {@code widthBytes} is 1, 2, 4 or 8 and that the access lies inside
 * a region the {@link DeviceIdentity} declares ({@code offset >= 0}, {@code offset + widthBytes <= length}).
 * <b>Errors:</b> a guest error is a value and {@link DeviceEffects#guestError}, never an exception.
 *
 * <p><b>Time</b> is {@code nowNs}, nanoseconds of the host's monotonic clock (virtual under the scripted peer). It never
 * goes back within one process, but an adopted state may hold deadlines from any past or future: clamp, do not trust.
 */
public interface DeviceCore extends HostPorts {

    /** What {@link #nextDeadlineNs} gives when no timer runs. */
    long NO_DEADLINE = Long.MAX_VALUE;

    /**
     * A register read by the guest, with the side effects the register has.
     *
     * @return the value, zero-extended; bits above the width are ignored
     */
    long read(int region, int offset, int widthBytes, long nowNs);

    /** A register write by the guest; {@code value} is zero-extended from the width. */
    void write(int region, int offset, int widthBytes, long value, long nowNs);

    /** A kick of a virtqueue. Devices without queues ignore it. */
    default void kick(int queue, long nowNs) {}

    /** The machine's reset line (what the data sheet calls master reset). */
    void reset(long nowNs);

    /**
     * Called when {@link #nextDeadlineNs} has passed. Must advance: after the call the next deadline is later than
     * {@code nowNs} or absent. Must be bounded: missed periods are folded, not replayed one by one.
     */
    default void timer(long nowNs) {}

    /** The monotonic time at which {@link #timer} wants to be called, or {@link #NO_DEADLINE}. Cheap; called often. */
    default long nextDeadlineNs() {
        return NO_DEADLINE;
    }

    /**
     * The guest has ended the level interrupt {@code line} at its controller (KVM's resample). If the line is still
     * pending the core asserts it again through {@link DeviceEffects#interruptLevel}.
     */
    default void resample(int line, long nowNs) {}

    /** The user pressed the machine's power button. */
    default void powerButton(long nowNs) {}

    /**
     * Does a bounded piece of the work that is left over; called from the duty cycle while {@link #hasWork}, each call a
     * transaction of its own. The guest, the supervisor, the clock and the host get their turn between pieces.
     */
    default void work(long nowNs) {}

    /** Whether {@link #work} would find something; the process does not sleep then. Cheap; called often. */
    default boolean hasWork() {
        return false;
    }

    /**
     * The state has been committed: effects that the guest must not see before that, such as a buffer given back, happen
     * here. A process may be killed before or during this call, so {@link #resume} repeats what may not have happened. Called after
     * every commit; cheap when there is nothing.
     */
    default void committed(long nowNs) {}

    /**
     * A request of the supervisor that is for some devices only: RESIZE, BALLOON.
     *
     * @return whether this device knows what to do with it
     */
    default boolean hostRequest(SupervisorRequestType request, long argument, long nowNs) {
        return false;
    }

    /**
     * The machine runs on after a pause of so long, in which nothing was called: what waits for the guest or for the host's
     * descriptors gets that much more time. For deadlines that nobody would miss by; a timer the guest has set is not one.
     */
    default void resumed(long pausedNs, long nowNs) {}

    /**
     * The last call on a new core: the state is either freshly initialised or adopted from a process that was killed,
     * perhaps after an effect and before its commit. Level lines that are pending are asserted again here.
     */
    default void resume(long nowNs) {}
}
