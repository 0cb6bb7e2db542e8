package io.jvmm.device.net;

import io.jvmm.device.api.Backend;
import io.jvmm.device.api.Descriptors;
import io.jvmm.device.api.DeviceConfig;
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

/**
 * What the network device is, and how to make one. Descriptors of function F: {@code F.tap.N} for queue pair N, or
 * {@code F.passt}, which a successor gets again.
 */
public final class NetDevice extends VirtioClass {

    private static final int STATE_ID = 0x564E_4554; // "VNET"
    private static final Map<String, String> EXAMPLE =
            Map.of("backend", "echo", "pairs", "2", "mtu", "9000", "packed", "true", "queue-size", "64");
    private static final String[] ECHO_DESCRIPTORS = {"tap.out", "tap.in", "passt.out", "passt.in"};

    /** The device as it is. */
    public NetDevice() {
        super("net", STATE_ID, NetStateLayout.VERSION, NetStateLayout.STATE_V1, EXAMPLE);
    }

    @Override
    public List<NamedRegister> configFields() {
        return List.of(
                new NamedRegister("status", 0, 6, 2),
                new NamedRegister("max_virtqueue_pairs", 0, 8, 2),
                new NamedRegister("mtu", 0, 10, 2),
                new NamedRegister("speed", 0, 12, 4),
                new NamedRegister("duplex", 0, 16, 1));
    }

    @Override
    public StateFormats stateFormats() {
        return NetFormats.state();
    }

    @Override
    public Map<Integer, String> featureNames() {
        return NetFormats.features();
    }

    @Override
    public VirtioIdentity identity(DeviceConfig config) {
        return NetCore.identity(NetConfig.from(config));
    }

    @Override
    public VirtioDevice create(
            int function, DeviceConfig config, AtomicBuffer state, boolean fresh, VirtioHost host, long nowNs) {
        return new NetCore(NetConfig.from(config), state, fresh, host);
    }

    @Override
    public String guestErrorName(int code) {
        return switch (code) {
            case NetCore.BAD_FRAME -> "BAD_FRAME";
            case NetCore.BAD_RECEIVE_BUFFER -> "BAD_RECEIVE_BUFFER";
            case NetCore.BAD_COMMAND -> "BAD_COMMAND";
            default -> "";
        };
    }

    @Override
    public BrokenAnswer whenBroken(VirtioIdentity identity, int queue, long features) {
        return NetCore.whenBroken(identity, queue, features);
    }

    @Override
    public List<Backend> backends(
            List<DeviceConfig> configs, Descriptors descriptors, List<VirtioDevice> devices, HostEvents events) {
        List<Backend> backends = new ArrayList<>();
        for (int function = 0; function < configs.size(); function++) {
            int number = function;
            Descriptors own = name -> descriptors.find(number + "." + name);
            NetCore device = (NetCore) devices.get(function);
            backends.addAll(connect(function, NetConfig.from(configs.get(function)), own, device, events));
        }
        return backends;
    }

    private static List<Backend> connect(
            int function, NetConfig config, Descriptors descriptors, NetCore device, HostEvents events) {
        List<FramePort> ports = new ArrayList<>();
        List<Fd> inputs = new ArrayList<>();
        List<Fd> outputs = inputs;
        switch (config.backend()) {
            case NONE -> {
                return List.of();
            }
            case TAP -> {
                for (int pair = 0; pair < config.pairs(); pair++) {
                    inputs.add(need(descriptors, function, "tap." + pair));
                }
                boolean segmentsUdp = TapPort.kernelSegmentsUdp(inputs.getFirst());
                TapPort.Linear linear = new TapPort.Linear();
                for (Fd tap : inputs) {
                    ports.add(new TapPort(tap, tap, device.host().memory(), linear, segmentsUdp));
                }
            }
            case PASST -> {
                inputs.add(need(descriptors, function, "passt"));
                PasstStreams streams =
                        descriptors.find("streams").map(PasstStreams::in).orElseGet(PasstStreams::ofItsOwn);
                ports.add(new PasstPort(inputs.getFirst(), inputs.getFirst(), streams));
            }
            case ECHO -> {
                if (descriptors.find(ECHO_DESCRIPTORS[0]).isEmpty()) {
                    return List.of(); // the scripted peer has no host
                }
                outputs = List.of(descriptors.need("tap.out"), descriptors.need("passt.out"));
                inputs.addAll(List.of(descriptors.need("tap.in"), descriptors.need("passt.in")));
                ports.add(new TapPort(
                        inputs.getFirst(), outputs.getFirst(), device.host().memory(), new TapPort.Linear(), false));
                ports.add(new PasstPort(inputs.getLast(), outputs.getLast(), PasstStreams.ofItsOwn()));
            }
        }
        Tape tape = device.host().tape();
        device.connect(tape == null ? ports : recorded(tape, function, ports), events, function);
        List<Backend> backends = new ArrayList<>();
        for (int i = 0; i < ports.size(); i++) {
            backends.add(new PortBackend(function, device, i, ports.get(i), inputs.get(i), outputs.get(i)));
        }
        return backends;
    }

    private static List<FramePort> recorded(Tape tape, int function, List<FramePort> ports) {
        tape.call(NetCall.CONNECT.code(), function, ports.size(), 0, Clock.monotonicNs());
        List<FramePort> recorded = new ArrayList<>();
        for (FramePort port : ports) {
            recorded.add(new RecordedPort(tape, recorded.size(), port));
        }
        return recorded;
    }

    @Override
    public HostCalls hostCalls(List<DeviceConfig> configs, List<VirtioDevice> devices, Tape tape) {
        return new ReplayedCards(devices.stream().map(NetCore.class::cast).toList(), tape);
    }

    private static Fd need(Descriptors descriptors, int function, String name) {
        return descriptors
                .find(name)
                .orElseThrow(
                        () -> new IllegalArgumentException("descriptor '" + function + "." + name + "' is missing"));
    }

    /** Pairs of sockets, one that keeps the borders of frames as a tap does, and a stream. */
    @Override
    public Map<String, Fd> scratchDescriptors() {
        UnixSocket.Pair tap = UnixSocket.seqPacketPair();
        UnixSocket.Pair passt = UnixSocket.streamPair();
        return Map.of(
                "0." + ECHO_DESCRIPTORS[0], tap.left().fd(),
                "0." + ECHO_DESCRIPTORS[1], tap.right().fd(),
                "0." + ECHO_DESCRIPTORS[2], passt.left().fd(),
                "0." + ECHO_DESCRIPTORS[3], passt.right().fd());
    }

    @Override
    public void exercise(VirtioExercise machine) {
        NetExercise.run(machine);
    }
}
