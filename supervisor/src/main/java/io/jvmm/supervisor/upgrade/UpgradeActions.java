package io.jvmm.supervisor.upgrade;

import java.util.Optional;

/** What an {@link Upgrade} can have done. Called on the event loop's thread; nothing here waits for a process. */
public interface UpgradeActions {
    /** The processes that take part in an upgrade. */
    enum Role {
        /** The one that serves. */
        OLD,
        /** The one that is to serve. */
        SUCCESSOR,
        /** Writes the state in an older version's layout, and ends: only the newer version's code knows both layouts. */
        CONVERTER
    }

    /** Looks at a process that says it is ready; answers what is wrong with its jail or its filter. */
    Optional<String> audit(Role role);

    /** Whether a process whose jail looks wrong is dying; waits up to a second for one that is. Its end is told next. */
    boolean hasEnded(Role role);

    /** Asks the old one whether it lives. */
    void ping();

    /** The old one has not said so for this long: the user is told, and it is killed next. */
    void silent(long silentNs);

    /** Asks the old one to finish what is in flight and to take no more. */
    void drain();

    /** Tells the board that the device is away for a while; its link stays as it is. */
    void away();

    /** The event ring of the device's link as it is at the start: nobody writes to it and nobody reads it. */
    void scrub();

    /** Gives the converter the state and a fresh segment to write it into. Answers why that cannot be. */
    Optional<String> convert();

    /** Gives the successor the device: its link and its state, as the {@link Transfer} says. Answers why that cannot be. */
    Optional<String> assign();

    /** SIGKILL. */
    void kill(Role role);

    /** Tells the board that the device is there again. */
    void back();

    /** The successor and its state are the device's from now on, whatever happens. */
    void adopt();

    /** Lets the successor serve. */
    void start();

    /** Lets the old one serve again. */
    void resume();

    /** The old one has died: it is replaced as any that dies, by its own version and with its own state. */
    void replace();

    /** The machine cannot go on: the board does not answer. */
    void boardIsSilent();

    /** The machine cannot go on: the board answers otherwise. {@code reason} is a clause behind "the vCPU process". */
    void giveUp(String reason);

    /** The device cannot go on: one of its processes survives SIGKILL, and may still write to what it has. */
    void stuck();

    /**
     * It is over.
     *
     * @param fault why the old version still serves; empty when the new one does
     * @param blackoutNs how long nobody served
     */
    void finished(Optional<String> fault, long blackoutNs);
}
