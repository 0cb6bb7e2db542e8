package io.jvmm.device.net;

import io.jvmm.device.api.HostEvents;
import io.jvmm.device.virtio.BrokenAnswer;
import io.jvmm.device.virtio.Chain;
import io.jvmm.device.virtio.VirtioDevice;
import io.jvmm.device.virtio.VirtioHost;
import io.jvmm.device.virtio.VirtioIdentity;
import io.jvmm.ipc.trace.Tape;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.agrona.concurrent.AtomicBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A network device (virtio 1.2 §5.1): queue pairs, a control queue, and the ports behind them. Queue 2N receives for pair N,
 * 2N + 1 transmits, the last one of those negotiated controls (§5.1.2).
 *
 * <p>Device configuration (§5.1.4):
 *
 * <pre>
 *   0       6        8           10    12      16       17
 *   | mac   | status | max pairs | mtu | speed | duplex | zero, to 20
 * </pre>
 *
 * <p>Thread, hostility and errors as in {@link VirtioDevice}; the ports' side is hostile, too.
 */
final class NetCore implements VirtioDevice {

    /** Guest errors: a frame to send that the specification forbids. */
    static final int BAD_FRAME = 1;
    /** A receive buffer too short for a header. */
    static final int BAD_RECEIVE_BUFFER = 2;
    /** A command that is unknown, not negotiated or cut short. */
    static final int BAD_COMMAND = 3;

    /** Frames of a queue or port handled in one go; then it is another's turn. */
    static final int BUDGET = 64;

    private static final int DEVICE_TYPE = 1;
    private static final int PCI_CLASS = 0x020000;
    private static final int CONFIG_BYTES = 20;
    private static final int CONFIG_STATUS = 6;
    private static final int CONFIG_PAIRS = 8;
    private static final int CONFIG_MTU = 10;
    private static final int CONFIG_SPEED = 12;
    private static final int CONFIG_DUPLEX = 16;
    private static final int SPEED_MBIT = 10_000;
    private static final int FULL_DUPLEX = 1;

    private static final BrokenAnswer BROKEN_COMMAND = BrokenAnswer.status(ControlQueue.ERR);

    private static final FramePort NO_PORT = new NoPort();

    private final NetConfig config;
    private final VirtioIdentity identity;
    private final VirtioHost host;
    private final NetState state;
    private final Receiver[] receivers;
    private final Transmitter[] transmitters;
    private final ControlQueue control;
    private final UnsafeBuffer configuration = new UnsafeBuffer(new byte[CONFIG_BYTES + Long.BYTES]);
    private final boolean adopted;
    private FramePort[] ports = {NO_PORT};
    private @Nullable HostEvents events;
    private int hostPort;
    private boolean lost;

    /** As {@link io.jvmm.device.virtio.VirtioFactory#create}; without ports until {@link #connect}. */
    NetCore(NetConfig config, AtomicBuffer buffer, boolean fresh, VirtioHost host) {
        this.config = config;
        this.identity = identity(config);
        this.host = host;
        this.state = new NetState(buffer);
        this.adopted = !fresh;
        if (fresh) {
            state.reset(config.mac());
        } else {
            state.validate(config, identity.features());
        }
        Chain scratch = new Chain(host.memory(), VirtioIdentity.MAX_QUEUE_SIZE);
        ReceiveFilter filter = new ReceiveFilter(state);
        receivers = new Receiver[config.pairs()];
        transmitters = new Transmitter[config.pairs()];
        for (int pair = 0; pair < config.pairs(); pair++) {
            receivers[pair] = new Receiver(host, host.queue(2 * pair), state, filter, scratch, config.mtu());
            transmitters[pair] = new Transmitter(host, host.queue(2 * pair + 1), state, scratch, config.mtu());
        }
        control = new ControlQueue(host, this, state, scratch);
    }

    /** The constant facts of a function with this configuration. */
    static VirtioIdentity identity(NetConfig config) {
        List<Integer> sizes = new ArrayList<>();
        for (int queue = 0; queue < 2 * config.pairs(); queue++) {
            sizes.add(config.ring().queueSize());
        }
        sizes.add(NetConfig.CONTROL_QUEUE_SIZE);
        return new VirtioIdentity(
                DEVICE_TYPE, PCI_CLASS, NetFeatures.offered(config), sizes, CONFIG_BYTES, NetStateLayout.LENGTH_BYTES);
    }

    /**
     * Joins the host's side: one port for all pairs, or one for each. The link is up from now on.
     *
     * @param newEvents null in a replay
     * @param newHostPort what the events know this function as
     */
    void connect(List<FramePort> newPorts, @Nullable HostEvents newEvents, int newHostPort) {
        ports = newPorts.toArray(new FramePort[0]);
        events = newEvents;
        hostPort = newHostPort;
        lost = false;
        tellOffloads();
        setLink(true);
    }

    @Override
    public VirtioIdentity identity() {
        return identity;
    }

    // ---- device configuration

    @Override
    public long readConfig(int offset, int widthBytes) {
        configuration.putLong(0, Long.reverseBytes(state.mac() << 16), ByteOrder.LITTLE_ENDIAN);
        configuration.putShort(CONFIG_STATUS, (short) state.status(), ByteOrder.LITTLE_ENDIAN);
        configuration.putShort(CONFIG_PAIRS, (short) config.pairs(), ByteOrder.LITTLE_ENDIAN);
        configuration.putShort(CONFIG_MTU, (short) config.mtu(), ByteOrder.LITTLE_ENDIAN);
        configuration.putInt(CONFIG_SPEED, SPEED_MBIT, ByteOrder.LITTLE_ENDIAN);
        configuration.putByte(CONFIG_DUPLEX, (byte) FULL_DUPLEX);
        long value = configuration.getLong(offset, ByteOrder.LITTLE_ENDIAN);
        return widthBytes == Long.BYTES ? value : value & ((1L << (Byte.SIZE * widthBytes)) - 1);
    }

    // ---- the driver's life

    @Override
    public boolean acceptsFeatures(long features) {
        return NetFeatures.consistent(features);
    }

    @Override
    public void activate(long features, long nowNs) {
        state.guestOffloads(features & NetFeatures.GUEST_OFFLOADS);
        tellOffloads();
    }

    @Override
    public void reset(long nowNs) {
        for (int pair = 0; pair < receivers.length; pair++) {
            receivers[pair].reset();
            transmitters[pair].reset();
        }
        state.reset(config.mac());
        tellOffloads();
    }

    @Override
    public void queueReset(int queue, long nowNs) {
        int pair = queue / 2;
        if (queue == controlQueue() || pair >= receivers.length) {
            return;
        }
        if (isTransmit(queue)) {
            transmitters[pair].reset();
        } else {
            receivers[pair].reset();
            wakeReceivers();
        }
    }

    /** Ports may bring their frames to other queues from now on. */
    private void wakeReceivers() {
        for (int pair = 0; pair < state.pairs(); pair++) {
            if (receivers[pair].ready()) {
                host.wake(2 * pair);
            }
        }
    }

    /** A successor carries on: the network is told where the guest is, as after a move (§5.1.6.5.4). */
    @Override
    public void resume(long nowNs) {
        if (adopted && host.active()) {
            announce();
        }
    }

    /** Asks the driver to announce itself to the network, if it knows how. */
    void announce() {
        if ((host.features() & NetFeatures.GUEST_ANNOUNCE) != 0 && linkUp()) {
            state.status(state.status() | NetState.ANNOUNCE);
            host.configChanged();
        }
    }

    // ---- queues

    @Override
    public boolean service(int queue, long nowNs) {
        if (!host.active()) {
            return false;
        }
        if (queue == controlQueue()) {
            return (host.features() & NetFeatures.CTRL_VQ) != 0 && control.service(host.queue(queue), BUDGET);
        }
        int pair = queue / 2;
        if (pair >= receivers.length) {
            return false;
        }
        return isTransmit(queue) ? transmit(pair) : receiveInto(pair);
    }

    private static boolean isTransmit(int queue) {
        return (queue & 1) != 0;
    }

    private int controlQueue() {
        return controlQueue(config.pairs(), host.features());
    }

    /** §5.1.2: without MQ there is one pair, whatever the device has. */
    private static int controlQueue(int pairs, long features) {
        return (features & NetFeatures.MQ) != 0 ? 2 * pairs : 2;
    }

    /**
     * Of a card that is given up: Linux waits in a loop for the answer to a command, which is an error (§5.1.6.5), and wants its frames back. Buffers for frames
     * are left, it would only put them back.
     */
    static BrokenAnswer whenBroken(VirtioIdentity identity, int queue, long features) {
        if (queue == controlQueue(identity.queueSizes().size() / 2, features)) {
            return BROKEN_COMMAND;
        }
        return isTransmit(queue) ? BrokenAnswer.RETURN : BrokenAnswer.LEAVE;
    }

    /** Returns whether there is more to send at once. */
    private boolean transmit(int pair) {
        FramePort port = ports[pair % ports.length];
        int result = transmitters[pair].transmit(port, BUDGET);
        if (result == FramePort.LOST) {
            lose(port);
            return true; // what is left is dropped: a guest does not wait for a host that is gone
        }
        return result == FramePort.FULL && !transmitters[pair].stalled();
    }

    /** The driver has added receive buffers, or a port has frames: all ports that fill this queue are looked at. */
    private boolean receiveInto(int pair) {
        boolean more = false;
        for (int i = 0; i < ports.length && !lost; i++) {
            FramePort port = ports[i];
            if (pairOf(i) == pair) {
                takeBack(port, pair);
                more |= receivers[pair].receive(port, BUDGET) == BUDGET || receivers[pair].rejecting();
                if (port.isGone()) {
                    lose(port);
                }
            }
        }
        return more;
    }

    /**
     * Another pair, that received for this port a moment ago, may hold a frame of it for want of buffers: what is read next would lie
     * where the rest of that one does, so it is dropped.
     */
    private void takeBack(FramePort port, int pair) {
        for (int other = 0; other < receivers.length; other++) {
            if (other != pair && receivers[other].holds(port)) {
                receivers[other].letGo();
            }
        }
    }

    // ---- ports

    int portCount() {
        return ports.length;
    }

    /** The pair that receives what a port brings: of those in use one whose queue the driver has not reset (§5.1.6.5.5). */
    private int pairOf(int port) {
        int inUse = state.pairs();
        int pair = port % inUse;
        for (int i = 0; i < inUse && !receivers[pair].ready(); i++) {
            pair = (pair + 1) % inUse;
        }
        return pair;
    }

    /** Whether a frame of a port could go to the guest now. */
    boolean wantsInput(int port) {
        return !lost && host.active() && receivers[pairOf(port)].hasRoom();
    }

    /** Whether frames of the guest wait until a port takes more. */
    boolean wantsOutput(int port) {
        if (lost) {
            return false;
        }
        for (int pair = port; pair < transmitters.length; pair += ports.length) {
            if (transmitters[pair].stalled()) {
                return true;
            }
        }
        return false;
    }

    /** A port has frames: its queue gets a turn. */
    void input(int port) {
        host.wake(2 * pairOf(port));
    }

    /** A port takes frames again: what waits for it gets a turn. */
    void output(int port) {
        if (ports[port].flush() == FramePort.LOST) {
            lose(ports[port]);
        }
        for (int pair = port; pair < transmitters.length; pair += ports.length) {
            if (transmitters[pair].stalled()) {
                host.wake(2 * pair + 1);
            }
        }
    }

    /** The host's side is gone: the link goes down, and frames are dropped from now on. */
    void lose(FramePort port) {
        if (lost) {
            return;
        }
        lost = true;
        Arrays.fill(ports, NO_PORT);
        state.count(NetCounter.BACKEND_LOST, 1);
        setLink(false);
        int errno = port.errno();
        Tape tape = host.tape();
        if (tape != null) {
            tape.output(NetCall.LOST.code(), hostPort, errno, 0);
        }
        HostEvents known = events;
        if (known != null) {
            known.backendLost(hostPort, errno);
        }
        for (int pair = 0; pair < transmitters.length; pair++) {
            if (transmitters[pair].stalled()) {
                host.wake(2 * pair + 1);
            }
        }
    }

    boolean lost() {
        return lost;
    }

    boolean linkUp() {
        return (state.status() & NetState.LINK_UP) != 0;
    }

    private void setLink(boolean up) {
        if (up != linkUp()) {
            int others = state.status() & ~(NetState.LINK_UP | NetState.ANNOUNCE);
            state.status(up ? others | NetState.LINK_UP : others);
            host.configChanged();
        }
    }

    // ---- commands

    /** VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET. */
    boolean usePairs(int count) {
        if (count < 1 || count > config.pairs()) {
            return false;
        }
        state.pairs(count);
        wakeReceivers();
        return true;
    }

    /** VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET: any of those negotiated, with what they need. */
    boolean useGuestOffloads(long wanted) {
        long negotiated = host.features() & NetFeatures.GUEST_OFFLOADS;
        if ((wanted & ~negotiated) != 0 || !NetFeatures.consistent(wanted)) {
            return false;
        }
        state.guestOffloads(wanted);
        tellOffloads();
        return true;
    }

    private void tellOffloads() {
        for (FramePort port : ports) {
            port.offloads(state.guestOffloads());
        }
    }

    VirtioHost host() {
        return host;
    }

    NetState state() {
        return state;
    }
}
