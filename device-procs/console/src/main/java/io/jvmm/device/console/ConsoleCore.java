package io.jvmm.device.console;

import io.jvmm.device.api.HostPorts;
import io.jvmm.device.api.StateRejectedException;
import io.jvmm.device.virtio.VirtioDevice;
import io.jvmm.device.virtio.VirtioHost;
import io.jvmm.device.virtio.VirtioIdentity;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.trace.Tape;
import java.nio.ByteOrder;
import java.util.Collections;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.AtomicBuffer;
import org.jspecify.annotations.Nullable;

/**
 * The virtio console (virtio 1.2 §5.3): port 0 is a console, with VIRTIO_CONSOLE_F_MULTIPORT there are further ones. The data is
 * moved by back ends, which ask through {@link HostPorts}: they take what the transmit buffers hold and read from the host only
 * while there are receive buffers and the guest has the port open.
 *
 * <p>Linux waits for each of its console's transmit buffers with interrupts off: a host that does not read makes such a guest
 * stand still. That is the price of losing nothing; a pty, socket or file does not make it wait while nobody is there.
 */
final class ConsoleCore implements VirtioDevice, HostPorts {

    static final long F_SIZE = 1L << 0;
    static final long F_MULTIPORT = 1L << 1;
    static final long F_EMERG_WRITE = 1L << 2;

    /** {@code struct virtio_console_config}: le16 cols, le16 rows, le32 max_nr_ports, le32 emerg_wr. */
    private static final int CONFIG_BYTES = 12;

    static final int EMERG_WR = 8;

    private static final int DEVICE_TYPE = 3;
    private static final int PCI_CLASS_COMMUNICATION_OTHER = 0x07_8000;
    private static final int QUEUES_OF_PORT_0 = 2;

    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

    private final VirtioIdentity identity;
    private final AtomicBuffer state;
    private final VirtioHost host;
    private final ConsolePort[] ports;
    private final ControlQueues control;

    /** @throws StateRejectedException when {@code state} is not fresh and cannot be */
    ConsoleCore(ConsoleConfig config, AtomicBuffer state, boolean fresh, VirtioHost host) {
        this.identity = identity(config);
        this.state = state;
        this.host = host;
        this.ports = new ConsolePort[config.ports().size()];
        for (int i = 0; i < ports.length; i++) {
            ports[i] = new ConsolePort(i, host, state);
        }
        this.control = new ControlQueues(host, state, ports, config.ports());
        if (fresh) {
            state.putShort(ConsoleStateLayout.COLS, (short) config.cols(), LE);
            state.putShort(ConsoleStateLayout.ROWS, (short) config.rows(), LE);
        } else {
            validate();
        }
    }

    static VirtioIdentity identity(ConsoleConfig config) {
        int queues =
                config.multiport() ? ConsolePort.receiveQueue(config.ports().size()) : QUEUES_OF_PORT_0;
        return new VirtioIdentity(
                DEVICE_TYPE,
                PCI_CLASS_COMMUNICATION_OTHER,
                config.ring().features() | F_SIZE | F_EMERG_WRITE | (config.multiport() ? F_MULTIPORT : 0),
                Collections.nCopies(queues, config.ring().queueSize()),
                CONFIG_BYTES,
                ConsoleStateLayout.LENGTH_BYTES);
    }

    private void validate() {
        require((state.getByte(ConsoleStateLayout.DRIVER_READY) & ~1) == 0, "driverReady");
        require(emergencyHead() < ConsoleStateLayout.EMERGENCY_BYTES, "emergencyHead");
        require(emergencyCount() <= ConsoleStateLayout.EMERGENCY_BYTES, "emergencyCount");
        for (int i = 0; i < ports.length; i++) {
            String field = ports[i].violation();
            require(field.isEmpty(), "port[" + i + "]." + field);
        }
    }

    private static void require(boolean holds, String field) {
        if (!holds) {
            throw new StateRejectedException(
                    "console: field " + field + " holds a value that no console writes; start the machine afresh");
        }
    }

    @Override
    public VirtioIdentity identity() {
        return identity;
    }

    @Nullable
    Tape tape() {
        return host.tape();
    }

    int portCount() {
        return ports.length;
    }

    private boolean multiport() {
        return (host.features() & F_MULTIPORT) != 0;
    }

    // ---- device configuration (§5.3.4)

    @Override
    public long readConfig(int offset, int widthBytes) {
        long sizeAndPorts =
                Integer.toUnsignedLong(state.getInt(ConsoleStateLayout.COLS, LE)) | (long) ports.length << Integer.SIZE;
        return offset < Long.BYTES ? sizeAndPorts >>> (Byte.SIZE * offset) : 0; // emerg_wr is there to be written
    }

    /** The low byte of emerg_wr goes to port 0, at any time (§5.3.5.1). */
    @Override
    public void writeConfig(int offset, int widthBytes, long value, long nowNs) {
        if (offset > EMERG_WR || offset + widthBytes <= EMERG_WR) {
            return;
        }
        int count = emergencyCount();
        if (count == ConsoleStateLayout.EMERGENCY_BYTES) {
            long lost = state.getLong(ConsoleStateLayout.EMERGENCY_LOST, LE);
            state.putLong(ConsoleStateLayout.EMERGENCY_LOST, lost + 1, LE);
            return;
        }
        int at = (emergencyHead() + count) % ConsoleStateLayout.EMERGENCY_BYTES;
        state.putByte(ConsoleStateLayout.EMERGENCY + at, (byte) (value >>> (Byte.SIZE * (EMERG_WR - offset))));
        state.putByte(ConsoleStateLayout.EMERGENCY_COUNT, (byte) (count + 1));
    }

    private int emergencyHead() {
        return state.getByte(ConsoleStateLayout.EMERGENCY_HEAD) & 0xFF;
    }

    private int emergencyCount() {
        return state.getByte(ConsoleStateLayout.EMERGENCY_COUNT) & 0xFF;
    }

    /** RESIZE: by the device configuration, and by a message where there are such. */
    @Override
    public boolean hostRequest(SupervisorRequestType request, long argument, long nowNs) {
        if (request != SupervisorRequestType.RESIZE) {
            return false;
        }
        int cols = (int) Math.min(argument & 0xFFFF_FFFFL, 0xFFFF);
        int rows = (int) Math.min(argument >>> Integer.SIZE, 0xFFFF);
        int size = rows << Short.SIZE | cols;
        if (size != state.getInt(ConsoleStateLayout.COLS, LE)) {
            state.putInt(ConsoleStateLayout.COLS, size, LE);
            if ((host.features() & F_SIZE) != 0) {
                host.configChanged();
            }
            control.resized();
        }
        return true;
    }

    // ---- life

    @Override
    public void reset(long nowNs) {
        state.putByte(ConsoleStateLayout.DRIVER_READY, (byte) 0);
        for (ConsolePort port : ports) {
            port.reset();
        }
    }

    @Override
    public void queueReset(int queue, long nowNs) {
        for (ConsolePort port : ports) {
            port.queueReset(queue);
        }
    }

    /** What a transmit buffer holds is for the back end of its port, which follows at once. */
    @Override
    public boolean service(int queue, long nowNs) {
        int port = ConsolePort.transmittedBy(queue);
        if (port == 0 || (port > 0 && multiport())) {
            return ports[port].nextTransmit();
        }
        if (!multiport()) {
            return false;
        }
        if (queue == ControlQueues.TRANSMIT) {
            return control.hear();
        }
        if (queue == ControlQueues.RECEIVE) {
            control.tell();
        }
        return false;
    }

    // ---- host ports

    @Override
    public int hostChunkBytes() {
        return ConsolePort.CHUNK_BYTES;
    }

    @Override
    public int hostInputRoom(int port) {
        boolean open = multiport() ? ports[port].is(ConsoleStateLayout.GUEST_OPEN) : port == 0;
        return open ? ports[port].inputRoom() : 0;
    }

    @Override
    public int hostInput(int port, DirectBuffer bytes, int offset, int lengthBytes, long nowNs) {
        return ports[port].input(bytes, offset, lengthBytes);
    }

    @Override
    public void hostCarrier(int port, boolean present, long nowNs) {
        if (ports[port].is(ConsoleStateLayout.HOST_OPEN) != present) {
            ports[port].set(ConsoleStateLayout.HOST_OPEN, present);
            control.hostOpened(port);
        }
    }

    @Override
    public int hostOutput(int port, MutableDirectBuffer into, int offset, int limitBytes) {
        int emergency = port == 0 ? Math.min(emergencyCount(), limitBytes) : 0;
        for (int i = 0; i < emergency; i++) {
            int at = (emergencyHead() + i) % ConsoleStateLayout.EMERGENCY_BYTES;
            into.putByte(offset + i, state.getByte(ConsoleStateLayout.EMERGENCY + at));
        }
        if (emergency > 0) {
            return emergency;
        }
        return ports[port].output(into, offset, limitBytes);
    }

    @Override
    public void hostOutputDone(int port, int count, long nowNs) {
        int emergency = emergencyCount();
        if (port == 0 && emergency > 0) { // then nothing else was shown
            int head = (emergencyHead() + count) % ConsoleStateLayout.EMERGENCY_BYTES;
            state.putByte(ConsoleStateLayout.EMERGENCY_HEAD, (byte) head);
            state.putByte(ConsoleStateLayout.EMERGENCY_COUNT, (byte) Math.max(emergency - count, 0));
        } else {
            ports[port].outputDone(count);
        }
    }

    @Override
    public long hostInputPosition(int port) {
        return ports[port].inPosition();
    }

    @Override
    public long hostOutputPosition(int port) {
        return ports[port].outPosition();
    }

    @Override
    public void hostPositions(int port, long input, long output) {
        ports[port].positions(input, output);
    }
}
