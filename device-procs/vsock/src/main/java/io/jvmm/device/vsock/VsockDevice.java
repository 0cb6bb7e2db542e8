package io.jvmm.device.vsock;

import io.jvmm.device.virtio.Chain;
import io.jvmm.device.virtio.VirtioDevice;
import io.jvmm.device.virtio.VirtioFeature;
import io.jvmm.device.virtio.VirtioHost;
import io.jvmm.device.virtio.VirtioIdentity;
import io.jvmm.device.virtio.Virtqueue;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.trace.Tape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Optional;
import org.agrona.concurrent.AtomicBuffer;

/**
 * One virtio socket function (virtio 1.2 §5.10): configuration, features, and the three virtqueues. Stream sockets only
 * (VIRTIO_VSOCK_F_STREAM). The connections are the {@link Switchboard}'s.
 */
final class VsockDevice implements VirtioDevice {

    private static final int DEVICE_TYPE = 19;
    /** Communication controller, other; what QEMU's device says, too. */
    private static final int PCI_CLASS = 0x07_80_00;

    /** VIRTIO_VSOCK_F_STREAM, §5.10.3. */
    static final long F_STREAM = 1;

    /** {@code struct virtio_vsock_config}: u64 guest_cid. */
    private static final int CONFIG_LENGTH_BYTES = 8;

    static final int EVENT_LENGTH_BYTES = 4;
    private static final int EVENT_TRANSPORT_RESET = 0;
    private static final int MOST_EVENT_CHAINS = 8;

    private final VsockConfig config;
    private final VirtioHost virtio;
    private final VsockState state;
    private final boolean fresh;
    private final Switchboard switchboard;
    private final FromGuest fromGuest;
    private final ToGuest toGuest;
    private final Chain event;
    private final MemorySegment eventBytes = Arena.ofAuto().allocate(EVENT_LENGTH_BYTES);

    VsockDevice(VsockConfig config, AtomicBuffer state, boolean fresh, VirtioHost virtio, int seed) {
        this.config = config;
        this.virtio = virtio;
        this.state = new VsockState(state, fresh, config.cid());
        this.fresh = fresh;
        this.switchboard = new Switchboard(config, this.state, virtio, seed);
        this.fromGuest = new FromGuest(switchboard, virtio, VirtioIdentity.MAX_QUEUE_SIZE);
        this.toGuest = new ToGuest(switchboard, virtio, VirtioIdentity.MAX_QUEUE_SIZE);
        this.event = new Chain(virtio.memory(), VirtioIdentity.MAX_QUEUE_SIZE);
        eventBytes.set(ValueLayout.JAVA_INT_UNALIGNED, 0, EVENT_TRANSPORT_RESET);
    }

    static VirtioIdentity identity(VsockConfig config) {
        long features = F_STREAM | VirtioFeature.USUAL;
        return new VirtioIdentity(
                DEVICE_TYPE,
                PCI_CLASS,
                config.packed() ? features | VirtioFeature.RING_PACKED : features,
                List.of(config.queueSize(), config.queueSize(), config.queueSize()),
                CONFIG_LENGTH_BYTES,
                VsockState.LENGTH_BYTES);
    }

    @Override
    public VirtioIdentity identity() {
        return identity(config);
    }

    /** The connections, in the memory given for them, or without one in memory that dies with the process. */
    Succession attach(Optional<Fd> streams) {
        StreamMemory memory =
                streams.map(fd -> StreamMemory.in(fd, config, fresh)).orElseGet(() -> StreamMemory.ofItsOwn(config));
        Tape tape = virtio.tape();
        if (tape != null) {
            memory.pass(tape);
        }
        return switchboard.attach(memory, fresh);
    }

    VirtioHost host() {
        return virtio;
    }

    Switchboard switchboard() {
        return switchboard;
    }

    @Override
    public long readConfig(int offset, int widthBytes) {
        return offset < 0 || offset >= CONFIG_LENGTH_BYTES ? 0 : config.cid() >>> (Byte.SIZE * offset);
    }

    /** A new driver knows of no connections. */
    @Override
    public void activate(long features, long nowNs) {
        state.resetPending(false);
    }

    @Override
    public void reset(long nowNs) {
        state.resetPending(false);
        switchboard.dropAll();
        switchboard.seal();
    }

    @Override
    public boolean service(int queue, long nowNs) {
        if (!virtio.active() || !switchboard.isJoined()) {
            return false;
        }
        boolean more = switch (queue) {
            case Switchboard.RX -> toGuest.service(nowNs);
            case Switchboard.TX -> fromGuest.service(nowNs);
            case Switchboard.EVENT -> tellReset();
            default -> false;
        };
        switchboard.seal();
        return more;
    }

    /** Where the connections a guest had with our predecessor are gone (§5.10.6.7) the guest is told as soon as it has a buffer. */
    private boolean tellReset() {
        Virtqueue queue = virtio.queue(Switchboard.EVENT);
        if (!queue.ready() || !state.resetPending()) {
            return false;
        }
        boolean more = true;
        boolean given = false;
        for (int i = 0; i < MOST_EVENT_CHAINS && more && state.resetPending(); i++) {
            if (!queue.pop(event)) {
                more = queue.wantKicks(true);
            } else if (event.writableBytes() < EVENT_LENGTH_BYTES) {
                switchboard.guestError(GuestError.EVENT_BUFFER, event.writableBytes());
                queue.complete(event.head(), 0);
                given = true;
            } else {
                event.write(0, eventBytes, 0, EVENT_LENGTH_BYTES);
                queue.complete(event.head(), EVENT_LENGTH_BYTES);
                state.resetPending(false);
                given = true;
            }
        }
        if (given) {
            queue.publish();
        }
        return more && state.resetPending();
    }

    @Override
    public long nextDeadlineNs() {
        return switchboard.nextDeadlineNs();
    }

    @Override
    public void timer(long nowNs) {
        switchboard.timer(nowNs);
        switchboard.seal();
    }

    @Override
    public void committed() {
        switchboard.committed();
    }

    @Override
    public void resumed(long pausedNs, long nowNs) {
        switchboard.resumed(pausedNs);
        switchboard.seal();
    }

    /** Packets that were taken and not completed come again. */
    @Override
    public void resume(long nowNs) {
        virtio.wake(Switchboard.EVENT);
        virtio.wake(Switchboard.RX);
        virtio.wake(Switchboard.TX);
    }
}
