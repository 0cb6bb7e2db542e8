package io.jvmm.device.api;

import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.counters.DevicePage;
import io.jvmm.ipc.link.BoardEndpoint;
import io.jvmm.ipc.link.DeviceEndpoint;
import io.jvmm.ipc.link.LinkLayout;
import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.link.LinkSpec;
import io.jvmm.ipc.link.ProcessEndpoint;
import io.jvmm.ipc.link.SupervisorEndpoint;
import io.jvmm.ipc.link.WaitPolicy;
import io.jvmm.ipc.message.PowerAction;
import io.jvmm.ipc.message.PowerOrigin;
import io.jvmm.ipc.message.SupervisorEventHandler;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.ring.Violation;
import io.jvmm.ipc.state.StateSegment;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Mapping;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.ipc.sys.Pipe;
import io.jvmm.ipc.sys.Poller;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.agrona.concurrent.AtomicBuffer;

/** A duty cycle over an {@link EchoDevice} with both of its links in the test's hands; stepped, or on a thread. */
final class LoopRig implements AutoCloseable {

    private static final long PATIENCE_NS = 60_000_000_000L;

    private final LinkMemory link = LinkMemory.create(LinkSpec.device(1));
    private final LinkMemory supervisorLink = LinkMemory.create(LinkSpec.supervisor());
    private final EventFd requests = EventFd.create();
    private final EventFd events = EventFd.create();
    private final EventFd supervisorRequests = EventFd.create();
    private final EventFd supervisorEvents = EventFd.create();
    private final EventFd[] interrupts = {EventFd.create(), EventFd.create()};
    private final Pipe control = Pipe.create();
    private final MemFd counted = DevicePage.create("test");
    /** What the loop counts, as one that answers kicks. */
    final DevicePage counters = DevicePage.map(counted.fd());

    private final StateSegment state = StateSegment.create(
            "test",
            EchoDevice.IDENTITY.deviceId(),
            EchoDevice.IDENTITY.stateVersion(),
            EchoDevice.IDENTITY.stateLengthBytes());
    private final DeviceEndpoint device = new DeviceEndpoint(link, requests, events, 0);
    private final ProcessEndpoint process = new ProcessEndpoint(supervisorLink, supervisorRequests, supervisorEvents);

    final BoardEndpoint board = new BoardEndpoint(link, requests, events, new WaitPolicy(0, PATIENCE_NS));
    final SupervisorEndpoint supervisor = new SupervisorEndpoint(supervisorLink, supervisorRequests, supervisorEvents);
    final SupervisorEvents toSupervisor = new SupervisorEvents(process);
    final EventFd resample = EventFd.create();
    final HostPort port;
    final EchoDevice factory = new EchoDevice();
    final DeviceLoop loop;
    /** What the board and the supervisor heard. */
    final List<String> heard = new ArrayList<>();

    private final CompletableFuture<ProcessExit> exit = new CompletableFuture<>();

    /** A host that takes nothing until told otherwise. */
    static final class HostPort implements Backend {
        private final DeviceCore core;
        private final org.agrona.concurrent.UnsafeBuffer taken = new org.agrona.concurrent.UnsafeBuffer(new byte[8]);
        boolean takes;
        /** Something is under way that does not end. */
        boolean busy;

        HostPort(DeviceCore core) {
            this.core = core;
        }

        @Override
        public int port() {
            return 0;
        }

        @Override
        public boolean attach(Poller poller, long nowNs) {
            return false;
        }

        @Override
        public void watch(Poller poller) {}

        @Override
        public void unwatch(Poller poller) {}

        @Override
        public boolean service(Poller poller, long nowNs) {
            return false;
        }

        @Override
        public boolean flush(long nowNs) {
            int count = takes ? core.hostOutput(0, taken, 0, 8) : 0;
            if (count > 0) {
                core.hostOutputDone(0, count, nowNs);
            }
            return count > 0;
        }

        @Override
        public boolean deliver(long nowNs) {
            return false;
        }

        @Override
        public boolean settled() {
            return !busy;
        }
    }

    LoopRig() {
        LinkEffects effects = new LinkEffects(device, interrupts, new DeviceMeter(counters, factory));
        DeviceCore core = factory.create(factory.exampleConfig(), state.working(), true, effects, 1);
        port = new HostPort(core);
        loop = new DeviceLoop(
                EchoDevice.IDENTITY,
                device,
                process,
                new Transactions(state),
                core,
                effects,
                toSupervisor,
                new Backend[] {port},
                new Resample[] {new Resample(1, resample)},
                control.reader(),
                0);
    }

    /** The request, carried out by steps on this thread. */
    LoopRig step(SupervisorRequestType request) {
        supervisor.send(request);
        work();
        return this;
    }

    void work() {
        while (loop.doWork(1) > 0) {
            // until there is nothing left
        }
    }

    /** From now on the loop has a thread of its own. */
    LoopRig live() {
        Thread.ofPlatform().daemon().name("loop").start(() -> {
            try {
                exit.complete(loop.run());
            } catch (Throwable e) {
                exit.completeExceptionally(e);
            }
        });
        return this;
    }

    ProcessExit awaitExit() {
        return exit.copy().orTimeout(PATIENCE_NS, TimeUnit.NANOSECONDS).join();
    }

    /** Waits until the loop has said that it sleeps: what comes after that comes out of the sleep. */
    void awaitSleep() {
        try (Mapping mapping = MemFd.of(supervisorLink.fd()).map()) {
            int asleep = (int) mapping.buffer().getLong(LinkLayout.HEADER_DOORBELL_REGION)
                    + LinkLayout.DOORBELL_REQUEST_CONSUMER_ASLEEP;
            await("the loop sleeps", () -> mapping.buffer().getIntVolatile(asleep) != 0);
        }
    }

    /** A board that does not read. */
    void fillBoardsRing() {
        while (device.needsReset(0, 0)) {
            // until there is no room for the shortest of all events
        }
    }

    /** A supervisor that does not read. */
    void fillSupervisorsRing() {
        while (process.backendLost(0, 0)) {
            // until there is no room for the shortest of all events
        }
    }

    /** Reads what has come from both links until {@code event} is among it, without giving the device a sign. */
    void hear(String event) {
        await(event, () -> {
            listen();
            return heard.contains(event);
        });
    }

    /** Reads what has come from both links. */
    void listen() {
        board.pollEvents(boardHandler, 64);
        supervisor.pollEvents(supervisorHandler, 64);
    }

    /** What a successor of the device would find. */
    StateSegment committed() {
        return StateSegment.adopt(
                state.fd().duplicate(),
                EchoDevice.IDENTITY.deviceId(),
                EchoDevice.IDENTITY.stateVersion(),
                EchoDevice.IDENTITY.stateLengthBytes());
    }

    /** The bytes of the counters page. */
    AtomicBuffer counted() {
        return counted.map().buffer();
    }

    EventFd interrupt(int line) {
        return interrupts[line];
    }

    /** The supervisor dies. */
    void die() {
        control.writer().close();
    }

    private void await(String what, BooleanSupplier condition) {
        long endNs = System.nanoTime() + PATIENCE_NS;
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - endNs > 0) {
                throw new AssertionError("never: " + what + "; heard " + heard);
            }
            Thread.onSpinWait();
        }
    }

    private final IgnoredDeviceEvents boardHandler = new IgnoredDeviceEvents() {
        @Override
        public void power(PowerAction action, PowerOrigin origin) {
            heard.add("power " + action + " " + origin);
        }
    };

    private final SupervisorEventHandler supervisorHandler = new SupervisorEventHandler() {
        @Override
        public void ack(SupervisorRequestType request, int status) {
            heard.add("ack " + request + " " + status);
        }

        @Override
        public void escape(int port, int what) {
            heard.add("escape " + port + " " + what);
        }

        @Override
        public void peerViolation(int deviceIndex, Violation violation) {
            heard.add("violation " + violation.kind());
        }
    };

    @Override
    public void close() {
        die();
        counters.close();
        counted.close();
    }
}
