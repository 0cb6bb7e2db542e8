package io.jvmm.device.api;

import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.link.LinkHealth;
import io.jvmm.ipc.link.ProcessEndpoint;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Poller;
import org.jspecify.annotations.Nullable;

/**
 * A process that has no guest: it says that it lives (PING) and ends (STOP) when it is told to, and otherwise sleeps. A spare waits
 * here for the rest of its record, a process that has written a state for its STOP.
 */
final class WaitingRoom {
    private static final int STATUS_DONE = 0;
    private static final int STATUS_NOT_NOW = 1;
    private static final int STATUS_NOT_MINE = 2;
    private static final int BROKEN = Poller.HANG_UP | Poller.ERROR | Poller.INVALID;
    private static final long RETRY_NS = 10_000_000;

    private final ProcessEndpoint supervisor;
    private final SupervisorEvents events;
    private final Poller poller = new Poller(2);
    private final int doorbell;
    private final int control;

    WaitingRoom(ProcessEndpoint supervisor, SupervisorEvents events, Fd control) {
        this.supervisor = supervisor;
        this.events = events;
        this.doorbell = poller.add(supervisor.requestDoorbell().fd(), Poller.READABLE);
        this.control = poller.add(control, Poller.READABLE);
    }

    /** Waits; null when there is something to receive over the control socket. */
    @Nullable
    ProcessExit run() {
        while (true) {
            ProcessExit end = requests();
            if (end != null) {
                return end;
            }
            events.retry();
            sleep();
            if (poller.isReady(control, BROKEN)) {
                return ProcessExit.SUPERVISOR_LOST;
            }
            if (poller.isReady(control, Poller.READABLE)) {
                return null;
            }
        }
    }

    private @Nullable ProcessExit requests() {
        while (!events.ackPending() && supervisor.next()) {
            SupervisorRequestType request = supervisor.request();
            supervisor.release();
            events.ack(request, status(request));
            if (request == SupervisorRequestType.STOP) {
                return ProcessExit.STOPPED;
            }
        }
        return supervisor.health() == LinkHealth.SEVERED ? ProcessExit.SUPERVISOR_VIOLATION : null;
    }

    private static int status(SupervisorRequestType request) {
        return switch (request) {
            case PING, STOP -> STATUS_DONE;
            case START, PAUSE, RESUME, DRAIN, POWER_BUTTON, RESIZE, BALLOON -> STATUS_NOT_NOW;
            case DEVICE_AWAY, DEVICE_BACK, DEVICE_BROKEN -> STATUS_NOT_MINE;
        };
    }

    private void sleep() {
        if (events.ackPending()) {
            poller.await(RETRY_NS);
        } else if (supervisor.prepareToSleep()) {
            poller.await(Poller.FOREVER);
        } else {
            poller.await(0);
        }
        if (poller.ready(doorbell) != 0) {
            supervisor.requestDoorbell().drain();
        }
        supervisor.awakeAndDrained();
    }
}
