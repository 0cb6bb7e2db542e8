package io.jvmm.supervisor.lifecycle;

import io.jvmm.supervisor.launch.ProcessInstance;
import java.util.Optional;

/** What the life of a device can have done. Called on the event-loop thread; nothing here waits but {@link #hasEnded}. */
public interface DeviceActions {
    /** Where a successor comes from. */
    enum Source {
        /** A spare: it is READY within milliseconds. */
        SPARE,
        /** A program that is only now started. */
        COLD
    }

    /** Ends the device's process; false when there is none whose end would be told. */
    boolean kill(ProcessInstance device);

    /** Tells the board that the process is gone; it acknowledges. {@code renewed}: the link will be scrubbed. */
    void tellAway(ProcessInstance device, boolean renewed, long goneNs);

    /** Tells the board that a successor is there; it acknowledges. */
    void tellBack(ProcessInstance device);

    /** Tells the board that there will be no successor. */
    void tellBroken(ProcessInstance device);

    /** A successor will be wanted in a moment: where there is no spare, its program is started now. */
    void prepare(ProcessInstance device);

    /**
     * Scrubs the link and gives the device to a successor, which will be READY, or fail.
     *
     * @param mayBeSpare false after a spare has failed
     */
    Source replace(ProcessInstance device, boolean renewed, boolean mayBeSpare);

    /** The same for a device that is given up, with a caretaker for a successor: it gets nothing of the host. */
    Source entrust(ProcessInstance device, boolean renewed, boolean mayBeSpare);

    /** The device is broken: it will not want a spare again, and nothing of the host. Said more than once. */
    void givenUp(ProcessInstance device);

    /** As {@link MachineActions#audit}. */
    Optional<String> audit(ProcessInstance process);

    /** As {@link MachineActions#hasEnded}. */
    boolean hasEnded(ProcessInstance process);

    /** Lets a successor serve. */
    void start(ProcessInstance device);

    /** Asks whether it lives; it acknowledges. */
    void ping(ProcessInstance device);

    /** The time after an action that may have taken some, CLOCK_MONOTONIC: for the account alone. */
    long nowNs();

    /** A successor serves. */
    void replaced(ProcessInstance device, Replacement replacement);

    /** Tells the user something worth telling. */
    void say(String message);
}
