package io.jvmm.device.vsock;

import io.jvmm.device.api.Backend;
import io.jvmm.device.api.Descriptors;
import io.jvmm.device.api.DeviceConfig;
import io.jvmm.device.api.HostBytes;
import io.jvmm.device.api.HostEvents;
import io.jvmm.device.api.NamedRegister;
import io.jvmm.device.api.trace.HostCalls;
import io.jvmm.device.virtio.BrokenAnswer;
import io.jvmm.device.virtio.VirtioClass;
import io.jvmm.device.virtio.VirtioDevice;
import io.jvmm.device.virtio.VirtioHost;
import io.jvmm.device.virtio.VirtioIdentity;
import io.jvmm.ipc.state.StateFormats;
import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.UnixSocket;
import io.jvmm.ipc.trace.Tape;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.agrona.concurrent.AtomicBuffer;

/** What the vsock process is, and how to make its functions. */
public final class VsockFactory extends VirtioClass {

    private static final int STATE_ID = 0x5653_4F43; // "VSOC"

    /** The supervisor's end of the connect channel of a scratch machine. */
    private static final String SCRATCH = ".scratch";

    /** VIRTIO_VSOCK_EVENT_TRANSPORT_RESET is 0. */
    private static final BrokenAnswer TRANSPORT_RESET = BrokenAnswer.notice(VsockDevice.EVENT_LENGTH_BYTES);

    private static final Map<String, String> EXAMPLE =
            Map.of("cid", "3", "connections", "8", "buffer-bytes", "8192", "packed", "true");

    public VsockFactory() {
        super("vsock", STATE_ID, VsockState.VERSION, VsockState.STATE_V2, EXAMPLE);
    }

    @Override
    public List<NamedRegister> configFields() {
        return List.of(new NamedRegister("guest_cid", 0, 0, 8));
    }

    @Override
    public String guestErrorName(int code) {
        for (GuestError error : GuestError.values()) {
            if (error.code() == code) {
                return error.name();
            }
        }
        return "";
    }

    @Override
    public StateFormats stateFormats() {
        return VsockFormats.state();
    }

    @Override
    public Map<Integer, String> featureNames() {
        return VsockFormats.features();
    }

    @Override
    public VirtioIdentity identity(DeviceConfig config) {
        return VsockDevice.identity(VsockConfig.from(config));
    }

    @Override
    public VirtioDevice create(
            int function, DeviceConfig config, AtomicBuffer state, boolean fresh, VirtioHost host, long nowNs) {
        int seed = (int) nowNs * 0x9E37_79B1; // not known to the guest: where in the hash its ports land
        return new VsockDevice(VsockConfig.from(config), state, fresh, host, seed);
    }

    /** What the guest sends goes nowhere, and its connections are reset (§5.10.6.6); new ones end by Linux's own time-out. */
    @Override
    public BrokenAnswer whenBroken(VirtioIdentity identity, int queue, long features) {
        return switch (queue) {
            case Switchboard.TX -> BrokenAnswer.RETURN;
            case Switchboard.EVENT -> TRANSPORT_RESET;
            default -> BrokenAnswer.LEAVE;
        };
    }

    @Override
    public List<Backend> backends(
            List<DeviceConfig> configs, Descriptors descriptors, List<VirtioDevice> devices, HostEvents events) {
        List<Backend> backends = new ArrayList<>();
        for (int f = 0; f < devices.size(); f++) {
            if (devices.get(f) instanceof VsockDevice device) {
                Sockets sockets = new UnixSockets(
                        UnixHostSide.MOST_EVENTS,
                        descriptors.find(f + ".connect").orElse(null));
                Tape tape = device.host().tape();
                if (tape != null) {
                    tape.call(VsockCall.ATTACH.code(), f, 0, 0, Clock.monotonicNs());
                    sockets = new RecordedSockets(f, tape, sockets);
                }
                Succession succession = device.attach(descriptors.find(f + ".streams"));
                backends.add(new UnixHostSide(f, device.switchboard(), succession, events, sockets));
                VsockState state = device.switchboard().state();
                backends.add(new HostBytes(f, state::bytesToGuest, state::bytesFromGuest));
                descriptors.find(f + SCRATCH).ifPresent(fd -> backends.add(new ScratchPeer(fd)));
            }
        }
        return backends;
    }

    @Override
    public HostCalls hostCalls(List<DeviceConfig> configs, List<VirtioDevice> devices, Tape tape) {
        return new ReplayedHosts(devices.stream().map(VsockDevice.class::cast).toList(), tape);
    }

    /** Both ends of a connect channel: scratch machines have {@link ScratchPeer} for a supervisor. */
    @Override
    public Map<String, Fd> scratchDescriptors() {
        UnixSocket.Pair channel = UnixSocket.seqPacketPair();
        return Map.of(
                "0.connect", channel.left().fd(), "0" + SCRATCH, channel.right().fd());
    }

    @Override
    public void exercise(VirtioExercise machine) {
        VsockExercise.run(machine);
    }
}
