package io.jvmm.supervisor.lifecycle;

import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.supervisor.backend.SocketBroker;
import io.jvmm.supervisor.launch.ProcessInstance;

/** A broker in the event loop: its channel in both directions, and the socket at which clients come. Event-loop thread only. */
final class BrokerWatch {
    private static final int NONE = -1;
    private static final long RENEW_NS = 1_000_000_000L;

    private final ProcessInstance process;
    private final SocketBroker broker;
    private final PollSlots poller;
    private final MachineLoop loop;
    private final int clientsIndex;
    private int index;
    private int roomIndex;
    /** Not listened to for a while, because it is asked too much. */
    private boolean deaf;
    /** Whether clients are taken: not while the host has no descriptor for one, nor where there is one already. */
    private boolean takesClients = true;
    /** When another channel is tried for, in place of a spoilt one; {@link MachineLifecycle#NEVER} when there is none to be had. */
    private long renewsNs = MachineLifecycle.NEVER;
    /** The device is broken, for as long as this watch lasts: a guest that is reset gets another. */
    private boolean givenUp;
    /** Whether room in the channel is waited for. */
    private boolean wantsRoom = true;

    BrokerWatch(ProcessInstance process, SocketBroker broker, PollSlots poller, MachineLoop loop) {
        this.process = process;
        this.broker = broker;
        this.poller = poller;
        this.loop = loop;
        Fd clients = broker.listener();
        this.clientsIndex = clients == null ? NONE : poller.take(clients, Poller.READABLE);
        watchChannel();
    }

    private void watchChannel() {
        index = poller.take(broker.fd(), Poller.READABLE);
        roomIndex = poller.take(broker.fd(), Poller.WRITABLE);
        wantsRoom = true;
        waitForRoom();
    }

    private void waitForRoom() {
        if (wantsRoom != broker.pending()) {
            wantsRoom = broker.pending();
            if (wantsRoom) {
                poller.listen(roomIndex);
            } else {
                poller.ignore(roomIndex);
            }
        }
    }

    /** When what is not listened to now is to be listened to again; {@link MachineLifecycle#NEVER}. */
    long listensAgainNs(long nowNs) {
        long next = deaf ? nowNs + broker.deafForNs(nowNs) : renewsNs;
        boolean paused = clientsIndex != NONE && !takesClients && broker.wantsClients();
        return paused ? Math.min(next, nowNs + broker.pausedForNs(nowNs)) : next;
    }

    /** A device is broken for good: nobody at the host waits for it. */
    void givenUp(ProcessInstance device) {
        if (device.equals(process)) {
            givenUp = true;
            broker.letGoOfAll();
        }
    }

    /** Does what the last poll found. */
    void serve() {
        long now = Clock.monotonicNs();
        if (renewsNs != MachineLifecycle.NEVER) {
            renewLater(now);
        } else if (deaf) {
            if (broker.deafForNs(now) == 0) {
                deaf = false;
                poller.listen(index);
            }
        } else if (poller.ready(index) != 0) {
            answer();
        }
        if (renewsNs == MachineLifecycle.NEVER && wantsRoom && poller.ready(roomIndex) != 0) {
            broker.flush();
        }
        if (clientsIndex != NONE) {
            clients(now);
        }
        if (renewsNs == MachineLifecycle.NEVER) {
            waitForRoom();
        }
    }

    /** Whatever else this process wrote is not its successor's. */
    private void renew() {
        try {
            broker.renew();
            renewsNs = MachineLifecycle.NEVER;
            watchChannel();
        } catch (SysException e) {
            if (renewsNs == MachineLifecycle.NEVER) {
                loop.say("device " + process.process() + " gets no new channel for its connections: " + e.getMessage()
                        + ". It is tried again.");
            }
            renewsNs = Clock.monotonicNs() + RENEW_NS;
        }
    }

    /** The successor may have come meanwhile, and then it has the spoilt one. */
    private void renewLater(long nowNs) {
        if (nowNs >= renewsNs) {
            renew();
            if (renewsNs == MachineLifecycle.NEVER) {
                loop.replace(process, new Why.NewBackend("a new channel for its connections"));
            }
        }
    }

    private void answer() {
        if (!broker.serve()) {
            poller.free(index);
            poller.free(roomIndex);
            renew();
            loop.handle(new MachineEvent.Violation(
                    process, MachineEvent.Violation.SUPERVISOR, "it sent what is no request for a connection"));
        } else if (broker.deafForNs(Clock.monotonicNs()) > 0) {
            deaf = true;
            poller.ignore(index);
        }
    }

    private void clients(long nowNs) {
        if (takesClients && poller.ready(clientsIndex) != 0) {
            if (givenUp) {
                broker.turnAwayClients();
            } else {
                broker.takeClients();
            }
        }
        boolean takes = broker.wantsClients() && broker.pausedForNs(nowNs) == 0;
        if (takes != takesClients) {
            takesClients = takes;
            if (takes) {
                poller.listen(clientsIndex);
            } else {
                poller.ignore(clientsIndex);
            }
        }
    }
}
