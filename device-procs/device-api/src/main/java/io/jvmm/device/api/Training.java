package io.jvmm.device.api;

import io.jvmm.ipc.boot.BootChannel;
import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.link.BoardEndpoint;
import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.link.LinkSpec;
import io.jvmm.ipc.link.SupervisorEndpoint;
import io.jvmm.ipc.link.WaitPolicy;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.state.StateSegment;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Pipe;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.UnixSocket;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/**
 * {@code --train}: the whole life of a device process, boot record to STOP, against a supervisor and a board in the same
 * process and behind a filter that allows everything. The AOT cache made of this run then holds what a real life loads.
 */
final class Training {

    /** One instruction: BPF_RET | BPF_K, SECCOMP_RET_ALLOW. */
    private static final byte[] ALLOW_ALL = HexFormat.of().parseHex("060000000000ff7f");

    private static final long PATIENCE_NS = 10_000_000_000L;
    private static final long SPIN_NS = 20_000;
    private static final int EVENTS = 64;

    private final DeviceFactory factory;
    private final List<AutoCloseable> held = new ArrayList<>();

    private Training(DeviceFactory factory) {
        this.factory = factory;
    }

    /** @return how the process would have ended: {@link DeviceExit#STOPPED} when all went well */
    static DeviceExit run(DeviceFactory factory) throws Exception {
        Training training = new Training(factory);
        try {
            return training.live();
        } finally {
            for (AutoCloseable resource : training.held.reversed()) {
                resource.close();
            }
        }
    }

    private <T extends AutoCloseable> T hold(T resource) {
        held.add(resource);
        return resource;
    }

    private DeviceExit live() throws InterruptedException {
        DeviceIdentity identity = factory.identity();
        LinkMemory supervisorLink = hold(LinkMemory.create(LinkSpec.supervisor()));
        LinkMemory link = hold(LinkMemory.create(LinkSpec.device(1)));
        EventFd supervisorRequests = hold(EventFd.create());
        EventFd supervisorEvents = hold(EventFd.create());
        EventFd requests = hold(EventFd.create());
        EventFd events = hold(EventFd.create());
        StateSegment state = hold(StateSegment.create(
                "training", identity.deviceId(), identity.stateVersion(), identity.stateLengthBytes()));
        BootRecord.Builder record = BootRecord.builder()
                .fd("supervisor.link", supervisorLink.fd())
                .fd("supervisor.request-doorbell", supervisorRequests.fd())
                .fd("supervisor.event-doorbell", supervisorEvents.fd())
                .fd("link", link.fd())
                .fd("link.request-doorbell", requests.fd())
                .fd("link.event-doorbell", events.fd())
                .fd("state", state.fd())
                .put("process", identity.name())
                .put("vm", "training")
                .put("jail", "enforce")
                .put("seccomp.narrow", ALLOW_ALL)
                .put("wait.spin-ns", SPIN_NS);
        backends(record);
        UnixSocket.Pair control = hold(UnixSocket.seqPacketPair());
        BootChannel.over(control.left().fd().duplicate()).send(record.build());

        SupervisorEndpoint supervisor = new SupervisorEndpoint(supervisorLink, supervisorRequests, supervisorEvents);
        BoardEndpoint board = new BoardEndpoint(link, requests, events, new WaitPolicy(SPIN_NS, PATIENCE_NS));
        Thread peer = new Thread(() -> play(supervisor, board), "training-peer");
        peer.setDaemon(true);
        peer.start();
        DeviceExit exit = DeviceMain.live(factory, control.right().fd().duplicate());
        peer.join();
        return exit;
    }

    /** Every port gets a pair of pipes: the descriptors a terminal, a pty or a file would come as. */
    private void backends(BootRecord.Builder record) {
        for (int port = 0; port < factory.identity().hostPorts(); port++) {
            Pipe in = hold(Pipe.create());
            Pipe out = hold(Pipe.create());
            record.fd("backend." + port + ".in", in.reader()).fd("backend." + port + ".out", out.writer());
        }
    }

    /** The supervisor and the board: START once READY, the first register of every region, STOP. */
    private void play(SupervisorEndpoint supervisor, BoardEndpoint board) {
        boolean[] ready = new boolean[1];
        IgnoredSupervisorEvents handler = new IgnoredSupervisorEvents() {
            @Override
            public void ready(long monotonicNs, byte[] filterHash, int threads) {
                ready[0] = true;
            }
        };
        Poller poller = new Poller(1);
        poller.add(supervisor.eventDoorbell().fd(), Poller.READABLE);
        long endNs = System.nanoTime() + PATIENCE_NS;
        while (!ready[0] && System.nanoTime() < endNs) {
            if (supervisor.pollEvents(handler, EVENTS) == 0 && supervisor.prepareToSleep()) {
                poller.await(PATIENCE_NS);
                supervisor.awake();
            }
        }
        supervisor.send(SupervisorRequestType.START);
        List<DeviceIdentity.Region> regions = factory.identity().regions();
        for (int region = 0; region < regions.size(); region++) {
            long value = board.read(0, region, 0, 1);
            board.write(0, region, 0, 1, value);
        }
        board.pollEvents(new IgnoredDeviceEvents(), EVENTS);
        supervisor.send(SupervisorRequestType.STOP);
    }
}
