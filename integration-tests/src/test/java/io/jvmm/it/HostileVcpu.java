package io.jvmm.it;

import io.jvmm.ipc.boot.BootChannel;
import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.hostile.HostilePeer;
import io.jvmm.ipc.hostile.Lie;
import io.jvmm.ipc.link.LinkKind;
import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.link.LinkSpec;
import io.jvmm.ipc.link.ProcessEndpoint;
import io.jvmm.ipc.link.SupervisorEndpoint;
import io.jvmm.ipc.message.DeviceEventLayout;
import io.jvmm.ipc.message.FilterHash;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.ring.HardenedReader;
import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.policy.sys.Seccomp;
import java.io.InputStream;
import java.util.Objects;
import java.util.Properties;
import java.util.concurrent.locks.LockSupport;

/**
 * A vCPU process in somebody else's hands: started, jailed and filtered as the real one, it runs no guest and has no board. To the supervisor
 * it speaks as it should; to every device, on the device's link, it tells lies, a set of them to each process that serves the device, until
 * that is replaced; then it is silent. Tests put it into a copy of the distribution in the place of the vCPU process's own program, with a
 * file {@code hostile.properties} that has the seed of the lies and how long each set of them lasts, {@code lastsMs}.
 */
public final class HostileVcpu {
    private static final int CONTROL_FD = 3;
    private static final long BOOT_TIMEOUT_NS = 30_000_000_000L;
    private static final long TURN_NS = 1_000_000;
    private static final int LIES_A_TURN = 20;
    /** After one process each for three lies that must be found, one that hears all. */
    private static final int LAST = 3;

    private static final long QUIET_NS = 250_000_000;

    private final ProcessEndpoint supervisor;
    private final Device[] devices;
    private final long lastsNs;
    private boolean serving;

    /** One device's link, and what it is told. */
    private static final class Device {
        final HostilePeer board;
        /** A device that is not listened to waits for ever for room. */
        private HardenedReader events;

        /** Processes that have been lied to before. */
        int life;

        boolean away;
        long sinceNs = Long.MIN_VALUE;

        Device(HostilePeer board) {
            this.board = board;
            this.events = events();
        }

        private HardenedReader events() {
            return new HardenedReader(board.theirRing(), DeviceEventLayout.MAX_LENGTH_BYTES, 0);
        }

        void listen() {
            while (events.next()) {
                events.release();
            }
        }

        /** There is a successor, and its link has been renewed. */
        void back() {
            life++;
            sinceNs = Long.MIN_VALUE;
            events = events();
            board.follow();
            away = false;
        }

        /** What this process of the device is told now; nothing any more when the last has heard it. */
        void lie(long nowNs, long lastsNs) {
            if (sinceNs == Long.MIN_VALUE) {
                sinceNs = nowNs;
            }
            if (nowNs - sinceNs < QUIET_NS) {
                return; // of a process that fails before it serves nothing is told
            }
            for (int i = 0; i < LIES_A_TURN; i++) {
                if (life >= LAST) {
                    if (life == LAST && nowNs - sinceNs < QUIET_NS + lastsNs) {
                        board.step();
                    }
                } else if (life == 0) {
                    board.tell(Lie.LENGTH_SHORT);
                } else if (life == 1) {
                    board.tell(Lie.TYPE_UNKNOWN);
                } else {
                    board.tell(Lie.FLOOD);
                }
            }
        }
    }

    private HostileVcpu(ProcessEndpoint supervisor, Device[] devices, long lastsNs) {
        this.supervisor = supervisor;
        this.devices = devices;
        this.lastsNs = lastsNs;
    }

    public static void main(String[] args) throws Exception {
        Properties orders = new Properties();
        try (InputStream in = Objects.requireNonNull(HostileVcpu.class.getResourceAsStream("/hostile.properties"))) {
            orders.load(in);
        }
        long seed = Long.parseLong(orders.getProperty("seed"));
        long lastsNs = Long.parseLong(orders.getProperty("lastsMs")) * 1_000_000;
        rehearse();
        BootRecord record = BootChannel.over(Fd.of(CONTROL_FD)).receive(BOOT_TIMEOUT_NS);
        ProcessEndpoint supervisor = new ProcessEndpoint(
                LinkMemory.attach(record.fd("supervisor.link"), LinkKind.SUPERVISOR),
                EventFd.of(record.fd("supervisor.request-doorbell")),
                EventFd.of(record.fd("supervisor.event-doorbell")));
        String[] names = record.text("devices").split(",", -1);
        Device[] devices = new Device[names.length];
        for (int i = 0; i < names.length; i++) {
            HostilePeer board = new HostilePeer(
                    record.fd(names[i] + ".link"),
                    HostilePeer.Side.BOARD,
                    EventFd.of(record.fd(names[i] + ".link.request-doorbell")),
                    EventFd.of(record.fd(names[i] + ".link.event-doorbell")),
                    seed + i);
            devices[i] = new Device(board);
        }
        HostileVcpu hostile = new HostileVcpu(supervisor, devices, lastsNs);
        byte[] filter = record.bytes("seccomp.narrow.x86");
        byte[] hash = FilterHash.of(filter);
        Seccomp.installNarrow(filter);
        supervisor.ready(Clock.monotonicNs(), hash, 1);
        hostile.serve();
    }

    private void serve() {
        while (true) {
            while (supervisor.next()) {
                SupervisorRequestType request = supervisor.request();
                int about = (int) supervisor.argument();
                supervisor.release();
                supervisor.ack(request, 0);
                heed(request, about);
            }
            long nowNs = System.nanoTime();
            for (int i = 0; i < devices.length; i++) {
                if (serving && !devices[i].away) {
                    devices[i].lie(nowNs, lastsNs);
                    devices[i].listen();
                }
            }
            LockSupport.parkNanos(TURN_NS);
        }
    }

    /** Not a switch: the class that javac makes for one would be loaded here, under the filter. */
    private void heed(SupervisorRequestType request, int about) {
        if (request == SupervisorRequestType.START) {
            serving = true;
        } else if (request == SupervisorRequestType.STOP) {
            Runtime.getRuntime().halt(ProcessExit.STOPPED.code());
        } else if (request == SupervisorRequestType.DEVICE_AWAY) {
            devices[about].away = true;
        } else if (request == SupervisorRequestType.DEVICE_BACK) {
            devices[about].back();
        }
    }

    /** Everything once, on links of its own: behind the narrow filter no class can be loaded. */
    private static void rehearse() throws ClassNotFoundException {
        Class.forName("java.lang.Shutdown");
        try (LinkMemory link = LinkMemory.create("rehearsal", LinkSpec.device(1));
                LinkMemory supervisorLink = LinkMemory.create("rehearsal", LinkSpec.supervisor());
                EventFd one = EventFd.create();
                EventFd other = EventFd.create();
                HostilePeer board = new HostilePeer(link.fd(), HostilePeer.Side.BOARD, one, other, 1)) {
            for (int i = 0; i < 20; i++) {
                for (Lie lie : Lie.values()) {
                    board.tell(lie);
                }
                board.step();
            }
            SupervisorEndpoint theirs = new SupervisorEndpoint(supervisorLink, one, other);
            HostileVcpu scratch = new HostileVcpu(
                    new ProcessEndpoint(supervisorLink, one, other), new Device[] {new Device(board)}, 0);
            scratch.supervisor.ready(0, FilterHash.of(new byte[8]), 1);
            theirs.send(SupervisorRequestType.START);
            while (scratch.supervisor.next()) {
                scratch.heed(scratch.supervisor.request(), 0);
                scratch.supervisor.release();
                scratch.supervisor.ack(SupervisorRequestType.START, 0);
            }
            scratch.heed(SupervisorRequestType.DEVICE_AWAY, 0);
            scratch.heed(SupervisorRequestType.DEVICE_BACK, 0);
            for (int life = 0; life <= LAST; life++) {
                scratch.devices[0].life = life;
                scratch.devices[0].sinceNs = 0;
                scratch.devices[0].lie(QUIET_NS, 1);
                scratch.devices[0].listen();
            }
            LockSupport.parkNanos(1);
        }
    }
}
