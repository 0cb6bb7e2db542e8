package io.jvmm.vcpu.main;

import io.jvmm.ipc.link.DeviceEndpoint;
import io.jvmm.ipc.link.LinkHealth;
import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.link.LinkRenewal;
import io.jvmm.ipc.link.SupervisorEndpoint;
import io.jvmm.ipc.message.DeviceRequestType;
import io.jvmm.ipc.message.EngineKind;
import io.jvmm.ipc.message.LogLevel;
import io.jvmm.ipc.message.PowerAction;
import io.jvmm.ipc.message.PowerOrigin;
import io.jvmm.ipc.message.StopCause;
import io.jvmm.ipc.message.SupervisorEventHandler;
import io.jvmm.ipc.message.SupervisorRequestLayout;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.ring.Violation;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Poller;
import org.jspecify.annotations.Nullable;

/**
 * The other side of a vCPU process, in this process and on one thread: a supervisor that says START, waits until the guest
 * stops and says STOP, and a device that answers every read with its offset and may power the machine off at the first
 * write. For the warm-up it replaces the device's process as well, with a new link before START and with the link kept while the guest runs. For the warm-up, for the
 * training run and for tests.
 */
final class ScratchPeer implements Runnable, SupervisorEventHandler {
    private static final long WAIT_NS = 1_000_000;
    private static final int SPINS = 200;
    private static final int BATCH = 32;

    private final SupervisorEndpoint supervisor;
    private final Links links;
    private DeviceEndpoint device;
    private final Poller poller;
    private final Manner manner;
    private final StringBuilder log = new StringBuilder();

    private boolean started;
    private volatile boolean finished;
    private @Nullable StopCause cause;
    private boolean sawFirstInstruction;
    private long reads;
    private long writes;
    private int replacements;

    /**
     * Both links of the scratch process, with the descriptors its other side needs.
     *
     * @param supervisor the supervisor's link
     * @param device the device's link
     */
    record Links(
            LinkMemory supervisor,
            EventFd supervisorRequests,
            EventFd supervisorEvents,
            LinkMemory device,
            EventFd deviceRequests,
            EventFd deviceEvents) {}

    /** How it behaves. */
    enum Manner {
        /** START without waiting for READY; the device is replaced twice and only answers. */
        WARM_UP,
        /** START when READY has come, as a real supervisor does; the device powers off at the first write. */
        LIFE
    }

    ScratchPeer(Links links, Manner manner) {
        this.supervisor = new SupervisorEndpoint(links.supervisor, links.supervisorRequests, links.supervisorEvents);
        this.links = links;
        this.device = new DeviceEndpoint(links.device, links.deviceRequests, links.deviceEvents, 0);
        this.manner = manner;
        PciRehearsal.declare(device);
        this.poller = new Poller(2);
        poller.add(supervisor.eventDoorbell().fd(), Poller.READABLE);
        poller.add(device.requestDoorbell().fd(), Poller.READABLE);
    }

    @Override
    public void run() {
        if (manner == Manner.WARM_UP) {
            supervisor.send(SupervisorRequestType.PING);
            away(SupervisorRequestLayout.AWAY_LINK_RENEWED);
        }
        while (!finished) {
            boolean worked = serve();
            for (int i = 0; i < SPINS && !worked; i++) {
                Thread.onSpinWait();
                worked = serve();
            }
            if (!worked) {
                sleep();
            }
        }
    }

    private boolean serve() {
        boolean worked = supervisor.pollEvents(this, BATCH) > 0;
        while (device.next()) {
            if (device.request() == DeviceRequestType.READ) {
                reads++;
                device.reply(device.offset());
            } else {
                writes++;
                if (manner == Manner.LIFE) {
                    device.power(PowerAction.POWER_OFF, PowerOrigin.ACPI);
                }
            }
            device.release();
            worked = true;
        }
        // A broken link would never finish: give up, the test or the training run sees that nothing came of it.
        if (supervisor.health() != LinkHealth.CONNECTED || device.health() != LinkHealth.CONNECTED) {
            finished = true;
        }
        return worked;
    }

    private void sleep() {
        // Both are told, whatever the first one says.
        final boolean quietSupervisor = supervisor.prepareToSleep();
        final boolean quietDevice = device.prepareToSleep();
        poller.await(quietSupervisor && quietDevice ? WAIT_NS : 0);
        supervisor.awake();
        device.awake();
        supervisor.eventDoorbell().drain();
        device.requestDoorbell().drain();
    }

    private void away(int reason) {
        supervisor.send(SupervisorRequestType.DEVICE_AWAY, SupervisorRequestLayout.away(0, reason), System.nanoTime());
    }

    /** The board has left the device's link to us. */
    private void succeed() {
        if (replacements++ == 0) {
            LinkRenewal.whole(links.device);
            device = new DeviceEndpoint(links.device, links.deviceRequests, links.deviceEvents, 0);
        } else {
            LinkRenewal.events(links.device);
        }
        PciRehearsal.declare(device);
        supervisor.send(SupervisorRequestType.DEVICE_BACK);
    }

    /** Ends it from outside, when the process ended without a STOP. */
    void abandon() {
        finished = true;
    }

    private void start() {
        if (!started) {
            started = true;
            supervisor.send(SupervisorRequestType.START);
        }
    }

    /** Why the guest stopped; null if it never did. This and the following: after the thread has ended. */
    @Nullable
    StopCause cause() {
        return cause;
    }

    boolean sawFirstInstruction() {
        return sawFirstInstruction;
    }

    long reads() {
        return reads;
    }

    long writes() {
        return writes;
    }

    /** How often the device has been replaced. */
    int replacements() {
        return replacements;
    }

    /** Everything the process logged. */
    String log() {
        return log.toString();
    }

    @Override
    public void ready(long monotonicNs, byte[] filterHash, int threads) {
        start();
    }

    @Override
    public void ack(SupervisorRequestType request, int status) {
        switch (request) {
            case STOP -> finished = true;
            case DEVICE_AWAY -> succeed();
            case DEVICE_BACK -> {
                if (replacements == 1) {
                    start();
                    away(SupervisorRequestLayout.AWAY_LINK_KEPT);
                }
            }
            default -> {
                // nothing depends on it
            }
        }
    }

    @Override
    public void log(LogLevel level, String text) {
        log.append(text).append('\n');
    }

    @Override
    public void engine(EngineKind engine, String reason) {
        log.append("engine ").append(engine.word()).append(": ").append(reason).append('\n');
    }

    @Override
    public void guestStopped(StopCause why, int vcpu, long rip, long detail) {
        cause = why;
        supervisor.send(SupervisorRequestType.STOP);
    }

    @Override
    public void firstInstruction(long monotonicNs) {
        sawFirstInstruction = true;
    }

    @Override
    public void counter(int id, long value) {
        // of no interest here
    }

    @Override
    public void deviceHung(int deviceIndex, long waitedNs) {
        // the guest gets all ones and goes on
    }

    @Override
    public void peerViolation(int deviceIndex, Violation violation) {
        log.append("violation by device ").append(deviceIndex).append('\n');
    }

    @Override
    public void escape(int port, int what) {
        // no terminal here
    }

    @Override
    public void backendLost(int port, int errno) {
        // no back ends here
    }
}
