package io.jvmm.device.api;

import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.link.BoardEndpoint;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.sys.EventFd;

/**
 * A device process on a thread of this one, started and serving, with the board's end of its link in the caller's hands: for benchmarks and
 * for tests that want real links, real time and no jail.
 */
public final class ScratchProcess implements AutoCloseable {
    private final ScratchSupervisor supervisor;
    private final LiveExercise exercise;
    private final Thread thread;
    private volatile ProcessExit exit = ProcessExit.INTERNAL_ERROR;

    /**
     * Starts it, with its example configuration and scratch descriptors.
     *
     * @param spinNs how long both sides look before they sleep
     */
    public ScratchProcess(DeviceFactory factory, long spinNs) {
        supervisor = new ScratchSupervisor(factory, spinNs);
        exercise = new LiveExercise(supervisor);
        supervisor.boot(new byte[0], "wait.spin-ns", Long.toString(spinNs));
        thread = Thread.ofPlatform()
                .name(factory.name())
                .start(() -> exit = DeviceMain.live(
                        DeviceProcess.receive(factory, supervisor.deviceControl(), factory.exampleConfig()), factory));
        supervisor.awaitReady();
        supervisor.request(SupervisorRequestType.START);
    }

    /** Register accesses, kicks and guest memory. */
    public Exercise machine() {
        return exercise;
    }

    /** The board's end of the link. */
    public BoardEndpoint board() {
        return supervisor.board();
    }

    /** The eventfd of an interrupt line. */
    public EventFd interrupt(int line) {
        return supervisor.interrupt(line);
    }

    /** The device thread. */
    public Thread thread() {
        return thread;
    }

    /** Tells it to stop, and waits for that. */
    @Override
    public void close() {
        supervisor.request(SupervisorRequestType.STOP);
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        supervisor.close();
        if (exit != ProcessExit.STOPPED) {
            throw new IllegalStateException("the process ended with " + exit);
        }
    }
}
