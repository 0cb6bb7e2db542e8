package io.jvmm.supervisor.launch;

import io.jvmm.ipc.sys.MemFd;
import io.jvmm.policy.jail.StuckProcessException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Where the processes come from that take the place of others while a machine runs. What may wait for the kernel (to start a
 * program) may be called by any thread; all else is the event loop's.
 */
public interface Successors {
    /** Whether spares can be had. */
    boolean hasSpares();

    /**
     * Starts the program of a device; it will wait for its boot record. Any thread.
     *
     * @throws HostLackException when the host cannot
     * @throws StuckProcessException when what did not come up does not go away either
     */
    StartedProcess start(ProcessInstance device) throws HostLackException;

    /** Starts a program that may later become any of its class, and gives way to everybody else meanwhile. Any thread. */
    StartedProcess startSpare(ProcessKind kind) throws HostLackException;

    /** Makes a spare of a started program: it gets what any process has, and will be READY for an assignment. */
    ChildProcess standBy(StartedProcess started) throws HostLackException;

    /**
     * A spare is READY, and need not give way to the guest any more: it waits.
     *
     * @throws HostLackException when that cannot be had: it would give way as a device's process, too
     */
    void waits(ChildProcess spare) throws HostLackException;

    /** Gives a started program its device. */
    ChildProcess succeed(StartedProcess started, Handover how) throws HostLackException;

    /** Gives a spare a device. */
    ChildProcess assign(ChildProcess spare, ProcessInstance device, Handover how) throws HostLackException;

    /**
     * Clears what a dead process may have left in the link of a device; the board touches none of it now.
     *
     * @param whole all of the link; else only what the device says in it
     */
    void scrub(ProcessInstance device, boolean whole);

    /** The counters page of a device, or of the vCPU process; it is there as long as the machine's processes are. Empty where nobody counts. */
    default Optional<MemFd> counters(ProcessInstance process) {
        return Optional.empty();
    }

    /** What may be looked at of a device. */
    DeviceView view(ProcessInstance device);

    /** Where the program of a device comes from. */
    Path distribution(ProcessInstance device);

    /** The parts of an upgrade of a device to the program of the distribution at {@code home}, which has been looked at. */
    DeviceUpgrade upgrade(ProcessInstance device, Path home);

    /** What is recorded. */
    default Recording recording() {
        return Recording.NONE;
    }

    /** Closes what is held of a process that has been collected. A second time does nothing. */
    void bury(ChildProcess child);

    /** The same of one that has no boot record yet. */
    void forget(StartedProcess started);
}
