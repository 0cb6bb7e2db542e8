package io.jvmm.ipc.processes;

import io.jvmm.ipc.Allocations;
import io.jvmm.ipc.link.DeviceEndpoint;
import io.jvmm.ipc.link.LinkKind;
import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.state.StateSegment;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.UnixSocket;
import java.nio.file.Path;

/**
 * The smallest device there is, as a process: it counts writes and sums up what was written. Region 0 reads the count,
 * region 1 the sum, region 2 the bytes this process has allocated since it was warm, region 3 its process number.
 */
final class CountingDevice {
    static final int DEVICE_ID = 99;
    static final int VERSION = 1;
    static final int STATE_LENGTH = 16;

    private static final int COUNT = 0;
    private static final int SUM = 8;
    private static final int WARM_AFTER = 20_000;

    private final DeviceEndpoint link;
    private final StateSegment state;
    private final Poller poller = new Poller(1);
    private long handled;
    private long allocatedWhenWarm;

    private CountingDevice(DeviceEndpoint link, StateSegment state) {
        this.link = link;
        this.state = state;
        poller.add(link.requestDoorbell().fd(), Poller.READABLE);
    }

    /** Argument: path of the socket that hands over link, request doorbell, event doorbell and state. */
    public static void main(String[] args) {
        try (UnixSocket socket = UnixSocket.connect(Path.of(args[0]))) {
            UnixSocket.Received received = socket.receive(1);
            LinkMemory memory = LinkMemory.attach(received.fds().get(0), LinkKind.DEVICE);
            StateSegment state = StateSegment.adopt(received.fds().get(3), DEVICE_ID, VERSION, STATE_LENGTH);
            DeviceEndpoint link = new DeviceEndpoint(
                    memory,
                    EventFd.of(received.fds().get(1)),
                    EventFd.of(received.fds().get(2)),
                    state.ringPosition());
            new CountingDevice(link, state).serve();
        }
    }

    private void serve() {
        while (link.violation() == null) {
            if (link.next()) {
                handle();
                state.commit(link.positionAfter());
                link.release();
                if (++handled == WARM_AFTER) {
                    allocatedWhenWarm = Allocations.ofThisThread();
                }
            } else if (link.prepareToSleep()) {
                poller.await(Poller.FOREVER);
                link.awake();
            }
        }
        throw new IllegalStateException(String.valueOf(link.violation()));
    }

    private void handle() {
        switch (link.request()) {
            case READ -> link.reply(register(link.region()));
            case WRITE -> {
                state.working().putLong(COUNT, state.working().getLong(COUNT) + 1);
                state.working().putLong(SUM, state.working().getLong(SUM) + link.value());
            }
            case KICK, RESET -> {}
        }
    }

    private long register(int region) {
        return switch (region) {
            case 0 -> state.working().getLong(COUNT);
            case 1 -> state.working().getLong(SUM);
            case 2 -> handled < WARM_AFTER ? -1 : Allocations.ofThisThread() - allocatedWhenWarm;
            default -> ProcessHandle.current().pid();
        };
    }
}
