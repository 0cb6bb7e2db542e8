package io.jvmm.device.console;

import io.jvmm.device.virtio.Chain;
import io.jvmm.device.virtio.VirtioHost;
import io.jvmm.device.virtio.VirtioIdentity;
import io.jvmm.device.virtio.Virtqueue;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.agrona.concurrent.AtomicBuffer;

/** The two control queues (virtio 1.2 §5.3.6.2): what driver and device tell each other about ports. */
final class ControlQueues {

    static final int RECEIVE = 2;
    static final int TRANSMIT = 3;

    private static final int MOST_BUFFERS = 64;
    private static final int RESIZE_BYTES = 4;

    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
    private static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(LE);
    private static final ValueLayout.OfShort U16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(LE);

    private final VirtioHost host;
    private final AtomicBuffer state;
    private final ConsolePort[] ports;
    private final boolean[] consoles;
    private final byte[][] names;
    private final Chain chain;
    private final MemorySegment message =
            Arena.ofAuto().allocate(ControlMessage.HEADER_BYTES + ConsoleConfig.MOST_NAME_BYTES);

    ControlQueues(VirtioHost host, AtomicBuffer state, ConsolePort[] ports, List<ConsoleConfig.Port> configs) {
        this.host = host;
        this.state = state;
        this.ports = ports;
        this.consoles = new boolean[ports.length];
        this.names = new byte[ports.length][];
        for (int i = 0; i < ports.length; i++) {
            consoles[i] = configs.get(i).console();
            names[i] = configs.get(i).name().getBytes(StandardCharsets.UTF_8);
        }
        this.chain = new Chain(host.memory(), VirtioIdentity.MAX_QUEUE_SIZE);
    }

    /** Reads what the driver says; whether to come back for more. */
    boolean hear() {
        Virtqueue queue = host.queue(TRANSMIT);
        int buffers = 0;
        while (buffers < MOST_BUFFERS && queue.pop(chain)) {
            int length = chain.read(0, message, 0, ControlMessage.HEADER_BYTES);
            if (length < ControlMessage.HEADER_BYTES) {
                host.guestError(ConsoleError.CONTROL, length);
            } else {
                heard(
                        message.get(U32, 0),
                        Short.toUnsignedInt(message.get(U16, ControlMessage.EVENT_OFFSET)),
                        message.get(U16, ControlMessage.VALUE_OFFSET) != 0);
            }
            queue.complete(chain.head(), 0);
            buffers++;
        }
        if (buffers > 0) {
            queue.publish();
            tell();
        }
        return buffers == MOST_BUFFERS;
    }

    private void heard(int id, int event, boolean value) {
        if (event == ControlMessage.EVENT_DEVICE_READY) {
            deviceReady(value);
        } else if (id < 0 || id >= ports.length || state.getByte(ConsoleStateLayout.DRIVER_READY) == 0) {
            wrong(id, event);
        } else if (event == ControlMessage.EVENT_PORT_READY) {
            portReady(id, value);
        } else if (event == ControlMessage.EVENT_PORT_OPEN) {
            ports[id].set(ConsoleStateLayout.GUEST_OPEN, value);
        } else {
            wrong(id, event);
        }
    }

    private void wrong(int id, int event) {
        host.guestError(ConsoleError.CONTROL, Integer.toUnsignedLong(id) << Integer.SIZE | event);
    }

    /** A driver that failed says so and nothing follows; one that says it twice has its ports already (§5.3.6.2.1). */
    private void deviceReady(boolean success) {
        if (!success) {
            return;
        }
        if (state.getByte(ConsoleStateLayout.DRIVER_READY) != 0) {
            wrong(0, ControlMessage.EVENT_DEVICE_READY);
            return;
        }
        state.putByte(ConsoleStateLayout.DRIVER_READY, (byte) 1);
        for (ConsolePort port : ports) {
            port.toTell(ControlMessage.DEVICE_ADD.bit());
        }
    }

    private void portReady(int id, boolean success) {
        ConsolePort port = ports[id];
        port.set(ConsoleStateLayout.READY, success);
        if (success) {
            int bits = consoles[id] ? ControlMessage.CONSOLE_PORT.bit() : 0;
            bits |= names[id].length > 0 ? ControlMessage.PORT_NAME.bit() : 0;
            bits |= port.is(ConsoleStateLayout.HOST_OPEN) ? ControlMessage.PORT_OPEN.bit() : 0;
            bits |= id == 0 && consoles[0] && sizeKnown() ? ControlMessage.RESIZE.bit() : 0;
            port.toTell(port.toTell() | bits);
        }
    }

    private boolean sizeKnown() {
        return state.getInt(ConsoleStateLayout.COLS, LE) != 0; // and rows
    }

    /** Port 0 has a new size. */
    void resized() {
        if (ports[0].is(ConsoleStateLayout.READY) && consoles[0]) {
            ports[0].toTell(ports[0].toTell() | ControlMessage.RESIZE.bit());
            tell();
        }
    }

    /** Somebody came to the host's end of a port, or left. */
    void hostOpened(int id) {
        if (ports[id].is(ConsoleStateLayout.READY)) {
            ports[id].toTell(ports[id].toTell() | ControlMessage.PORT_OPEN.bit());
            tell();
        }
    }

    /** Sends what waits, as far as the driver has given buffers. */
    void tell() {
        Virtqueue queue = host.queue(RECEIVE);
        int buffers = 0;
        for (int id = 0; id < ports.length; id++) {
            ConsolePort port = ports[id];
            while (port.toTell() != 0 && buffers < MOST_BUFFERS && queue.pop(chain)) {
                ControlMessage first = ControlMessage.firstOf(port.toTell());
                int written = write(first, id);
                if (written > 0) {
                    port.toTell(port.toTell() & ~first.bit());
                } else {
                    host.guestError(ConsoleError.NO_ROOM, RECEIVE);
                }
                queue.complete(chain.head(), written);
                buffers++;
            }
        }
        if (buffers > 0) {
            queue.publish();
        }
        if (buffers == MOST_BUFFERS) {
            host.wake(RECEIVE);
        }
    }

    /** Writes a message to the chain; 0 when it does not fit. Only a name may be cut. */
    private int write(ControlMessage what, int id) {
        message.set(U32, 0, id);
        message.set(U16, ControlMessage.EVENT_OFFSET, (short) what.event());
        boolean value = what != ControlMessage.PORT_OPEN || ports[id].is(ConsoleStateLayout.HOST_OPEN);
        message.set(U16, ControlMessage.VALUE_OFFSET, (short) (value ? 1 : 0));
        int length = ControlMessage.HEADER_BYTES;
        int least = length;
        if (what == ControlMessage.PORT_NAME) {
            MemorySegment.copy(names[id], 0, message, ValueLayout.JAVA_BYTE, length, names[id].length);
            length += names[id].length;
        } else if (what == ControlMessage.RESIZE) {
            message.set(U16, length, state.getShort(ConsoleStateLayout.COLS, LE));
            message.set(U16, length + Short.BYTES, state.getShort(ConsoleStateLayout.ROWS, LE));
            length += RESIZE_BYTES;
            least = length;
        }
        return chain.writableBytes() < least ? 0 : chain.write(0, message, 0, length);
    }
}
