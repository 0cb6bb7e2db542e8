package io.jvmm.device.console;

import io.jvmm.device.api.Backend;
import io.jvmm.device.api.Descriptors;
import io.jvmm.device.api.DeviceConfig;
import io.jvmm.device.api.HostEvents;
import io.jvmm.device.api.HostPorts;
import io.jvmm.device.api.HostStreams;
import io.jvmm.device.api.NamedRegister;
import io.jvmm.device.api.SocketExercise;
import io.jvmm.device.api.StateRejectedException;
import io.jvmm.device.api.trace.HostCalls;
import io.jvmm.device.api.trace.RecordedPorts;
import io.jvmm.device.api.trace.ReplayedPorts;
import io.jvmm.device.virtio.BrokenAnswer;
import io.jvmm.device.virtio.VirtioClass;
import io.jvmm.device.virtio.VirtioDevice;
import io.jvmm.device.virtio.VirtioHost;
import io.jvmm.device.virtio.VirtioIdentity;
import io.jvmm.ipc.state.StateFormats;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Pipe;
import io.jvmm.ipc.trace.RecordingTape;
import io.jvmm.ipc.trace.Tape;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.AtomicBuffer;

/** What the console is, and how to make one. */
public final class ConsoleDevice extends VirtioClass {

    private static final int STATE_ID = 0x5643_4F4E; // "VCON"
    private static final Map<String, String> EXAMPLE = Map.of(
            "ports",
            "2",
            "1.name",
            "org.jvmm.example",
            "cols",
            "80",
            "rows",
            "25",
            "packed",
            "true",
            "0.backend",
            "terminal",
            "1.backend",
            "terminal",
            "1.escape",
            "none");

    private static final int EXERCISED_PORTS = 2;
    private static final int CONTROL_BUFFERS = 8;
    private static final int BUFFER_BYTES = 128;
    private static final byte[] NOTHING = {};
    /** With the escape key, and its help. */
    private static final byte[] SAID = "hello \1h\r\n".getBytes(StandardCharsets.US_ASCII);
    /** Where the device configuration is in BAR 0. */
    private static final int CONFIG_REGION = 0x2000;

    /** The device as it is. */
    public ConsoleDevice() {
        super("console", STATE_ID, ConsoleStateLayout.VERSION, ConsoleStateLayout.STATE_V2, EXAMPLE);
    }

    @Override
    public List<NamedRegister> configFields() {
        return List.of(
                new NamedRegister("cols", 0, 0, 2),
                new NamedRegister("rows", 0, 2, 2),
                new NamedRegister("max_nr_ports", 0, 4, 4),
                new NamedRegister("emerg_wr", 0, 8, 4));
    }

    @Override
    public StateFormats stateFormats() {
        return ConsoleFormats.state();
    }

    @Override
    public Map<Integer, String> featureNames() {
        return ConsoleFormats.features();
    }

    @Override
    public VirtioIdentity identity(DeviceConfig config) {
        return ConsoleCore.identity(ConsoleConfig.from(config));
    }

    @Override
    public VirtioDevice create(
            int function, DeviceConfig config, AtomicBuffer state, boolean fresh, VirtioHost host, long nowNs) {
        return new ConsoleCore(ConsoleConfig.from(config), state, fresh, host);
    }

    @Override
    public String guestErrorName(int code) {
        return switch (code) {
            case ConsoleError.DIRECTION -> "DIRECTION";
            case ConsoleError.NO_ROOM -> "NO_ROOM";
            case ConsoleError.CONTROL -> "CONTROL";
            default -> "";
        };
    }

    /** Linux waits in a loop for what it has sent, of ports and of control messages. What comes from nowhere it can wait for. */
    @Override
    public BrokenAnswer whenBroken(VirtioIdentity identity, int queue, long features) {
        boolean sent = queue == ControlQueues.TRANSMIT || ConsolePort.transmittedBy(queue) >= 0;
        return sent ? BrokenAnswer.RETURN : BrokenAnswer.LEAVE;
    }

    /** One for each port of each function; its descriptors are {@code F.N.in}, {@code F.N.out}, {@code F.N.connect} and {@code F.N.stream}. */
    @Override
    public List<Backend> backends(
            List<DeviceConfig> configs, Descriptors descriptors, List<VirtioDevice> devices, HostEvents events) {
        List<Backend> backends = new ArrayList<>();
        for (int function = 0; function < configs.size(); function++) {
            ConsoleCore console = (ConsoleCore) devices.get(function);
            HostPorts ends =
                    console.tape() instanceof RecordingTape tape ? new RecordedPorts(console, tape, function) : console;
            HostStreams streams = new HostStreams(descriptors, ends, events);
            List<ConsoleConfig.Port> ports =
                    ConsoleConfig.from(configs.get(function)).ports();
            for (int port = 0; port < ports.size(); port++) {
                ConsoleConfig.Port its = ports.get(port);
                backends.add(streams.open(port, its.backend(), its.escape(), function + "." + port + "."));
            }
        }
        return backends;
    }

    /** The ports are those of the functions, not of the core of the process. */
    @Override
    public HostCalls hostCalls(List<DeviceConfig> configs, List<VirtioDevice> devices, Tape tape) {
        List<ConsoleCore> consoles =
                devices.stream().map(ConsoleCore.class::cast).toList();
        int ports = consoles.stream().mapToInt(ConsoleCore::portCount).min().orElse(0);
        return new ReplayedPorts(consoles, ports, tape);
    }

    /** Version 1 knew nothing of the streams' positions: they begin anew. */
    @Override
    public void migrate(DeviceConfig config, int oldVersion, MutableDirectBuffer state) {
        if (oldVersion != ConsoleStateLayout.VERSION_WITHOUT_POSITIONS) {
            throw new StateRejectedException("console: a state of version " + oldVersion);
        }
        for (int port = 0; port < ConsoleStateLayout.MAX_PORTS; port++) {
            int at = ConsoleStateLayout.PORTS + port * ConsoleStateLayout.PORT_BYTES + ConsoleStateLayout.IN_POSITION;
            state.setMemory(at, 2 * Long.BYTES, (byte) 0);
        }
    }

    /** Each port's output comes back as its input. */
    @Override
    public Map<String, Fd> scratchDescriptors() {
        Map<String, Fd> ends = new HashMap<>();
        for (int port = 0; port < EXERCISED_PORTS; port++) {
            Pipe pipe = Pipe.create();
            ends.put("0." + port + ".in", pipe.reader());
            ends.put("0." + port + ".out", pipe.writer());
        }
        return ends;
    }

    /** A driver that sets up its ports, writes to both and hears what it wrote; and what a confused one says. */
    @Override
    public void exercise(VirtioExercise machine) {
        SocketExercise.run();
        for (boolean packed : new boolean[] {false, true}) {
            machine.setUp(-1L, packed);
            for (int i = 0; i < CONTROL_BUFFERS; i++) {
                machine.offer(ControlQueues.RECEIVE, NOTHING, BUFFER_BYTES);
            }
            machine.offer(ControlQueues.TRANSMIT, control(0, ControlMessage.EVENT_DEVICE_READY), 0);
            for (int port = 0; port < EXERCISED_PORTS; port++) {
                machine.offer(ControlQueues.TRANSMIT, control(port, ControlMessage.EVENT_PORT_READY), 0);
                machine.offer(ControlQueues.TRANSMIT, control(port, ControlMessage.EVENT_PORT_OPEN), 0);
                machine.offer(ConsolePort.receiveQueue(port), NOTHING, BUFFER_BYTES);
                machine.offer(ConsolePort.receiveQueue(port) + 1, SAID, 0);
                machine.advance(1);
            }
            machine.write(0, CONFIG_REGION + ConsoleCore.EMERG_WR, Integer.BYTES, '!');
            machine.offer(ControlQueues.TRANSMIT, control(EXERCISED_PORTS, 0xFF), 0);
            machine.advance(1);
            machine.reap();
        }
    }

    private static byte[] control(int id, int event) {
        return new byte[] {(byte) id, 0, 0, 0, (byte) event, 0, 1, 0};
    }
}
