package io.jvmm.device.console;

import io.jvmm.device.virtio.rig.Completion;
import io.jvmm.device.virtio.rig.RigDriver;
import io.jvmm.device.virtio.rig.RigQueue;
import io.jvmm.device.virtio.rig.VirtioRig;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Pipe;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.agrona.concurrent.UnsafeBuffer;

/** A console in a rig, each port between two pipes whose other ends are the test's. */
final class ConsoleBench implements AutoCloseable {

    static final long ALL = -1L;
    static final long SPLIT = ~RigDriver.F_RING_PACKED;
    static final int CONTROL_RX = 2;
    static final int CONTROL_TX = 3;
    static final byte[] NOTHING = {};

    final VirtioRig rig;
    private final Pipe[] toGuest;
    private final Pipe[] toHost;
    private final MemorySegment bytes = Arena.ofAuto().allocate(1 << 20);

    ConsoleBench(int ports, String... entries) {
        Map<String, String> config = new HashMap<>(Map.of("0.ports", "" + ports, "0.cols", "0", "0.rows", "0"));
        Map<String, Fd> descriptors = new HashMap<>();
        toGuest = new Pipe[ports];
        toHost = new Pipe[ports];
        for (int port = 0; port < ports; port++) {
            toGuest[port] = Pipe.create();
            toHost[port] = Pipe.create();
            toHost[port].writer().setNonBlocking(true);
            toHost[port].reader().setNonBlocking(true);
            descriptors.put("0." + port + ".in", toGuest[port].reader());
            descriptors.put("0." + port + ".out", toHost[port].writer());
            config.put("0." + port + ".backend", "terminal");
            config.put("0." + port + ".escape", "none");
        }
        for (int i = 0; i < entries.length; i += 2) {
            config.put("0." + entries[i], entries[i + 1]);
        }
        rig = new VirtioRig(new ConsoleDevice(), config, descriptors, VirtioRig.MEMORY_BYTES);
    }

    RigDriver setUp(long features) {
        return rig.driver().setUp(features);
    }

    static int rx(int port) {
        return port == 0 ? 0 : 2 * port + 2;
    }

    static int tx(int port) {
        return rx(port) + 1;
    }

    RigQueue queue(int index) {
        return rig.driver().queue(index);
    }

    /** The user types. */
    void type(int port, String text) {
        byte[] raw = text.getBytes(StandardCharsets.ISO_8859_1);
        MemorySegment.copy(raw, 0, bytes, ValueLayout.JAVA_BYTE, 0, raw.length);
        if (FileIo.tryWrite(toGuest[port].writer(), bytes, 0, raw.length) != raw.length) {
            throw new IllegalStateException("the pipe is full");
        }
        rig.settle();
    }

    /** What the user sees. */
    String seen(int port) {
        long count = FileIo.tryRead(toHost[port].reader(), bytes, 0, bytes.byteSize());
        return count <= 0
                ? ""
                : StandardCharsets.ISO_8859_1
                        .decode(bytes.asSlice(0, count).asByteBuffer())
                        .toString();
    }

    /** Takes what the user sees, allocating nothing; how many bytes it was. */
    int drain(int port) {
        return (int) Math.max(0, FileIo.tryRead(toHost[port].reader(), bytes, 0, bytes.byteSize()));
    }

    /** The user types so many bytes; allocates nothing. */
    void typeAnything(int port, int count) {
        if (FileIo.tryWrite(toGuest[port].writer(), bytes, 0, count) != count) {
            throw new IllegalStateException("the pipe is full");
        }
    }

    void closeHost(int port) {
        toHost[port].reader().close();
        toGuest[port].writer().close();
    }

    /** The guest writes. */
    void say(int port, String text) {
        queue(tx(port)).offer(text.getBytes(StandardCharsets.ISO_8859_1), 0);
        queue(tx(port)).kick();
        rig.settle();
    }

    /** Receive buffers, as Linux puts them in: a page each. */
    void listen(int port, int count, int lengthBytes) {
        for (int i = 0; i < count; i++) {
            queue(rx(port)).offer(NOTHING, lengthBytes);
        }
        queue(rx(port)).kick();
        rig.settle();
    }

    /** What the guest hears. */
    String heard(int port) {
        StringBuilder text = new StringBuilder();
        for (Completion done = queue(rx(port)).reap();
                done != null;
                done = queue(rx(port)).reap()) {
            text.append(new String(done.written(), StandardCharsets.ISO_8859_1));
        }
        return text.toString();
    }

    /** {@code struct virtio_console_control} to the device. */
    void control(int id, int event, int value) {
        byte[] message = new byte[8];
        UnsafeBuffer view = new UnsafeBuffer(message);
        view.putInt(0, id, ByteOrder.LITTLE_ENDIAN);
        view.putShort(4, (short) event, ByteOrder.LITTLE_ENDIAN);
        view.putShort(6, (short) value, ByteOrder.LITTLE_ENDIAN);
        queue(CONTROL_TX).offer(message, 0);
        queue(CONTROL_TX).kick();
        rig.settle();
        while (queue(CONTROL_TX).reap() != null) {
            // taken back
        }
    }

    void controlBuffers(int count, int lengthBytes) {
        for (int i = 0; i < count; i++) {
            queue(CONTROL_RX).offer(NOTHING, lengthBytes);
        }
        queue(CONTROL_RX).kick();
        rig.settle();
    }

    /** The messages of the device since the last call, {@code id event value text}. */
    String told() {
        StringBuilder text = new StringBuilder();
        for (Completion done = queue(CONTROL_RX).reap();
                done != null;
                done = queue(CONTROL_RX).reap()) {
            byte[] raw = done.written();
            if (raw.length < 8) {
                text.append("short; ");
                continue;
            }
            UnsafeBuffer view = new UnsafeBuffer(raw);
            text.append(view.getInt(0, ByteOrder.LITTLE_ENDIAN))
                    .append(' ')
                    .append(view.getShort(4, ByteOrder.LITTLE_ENDIAN))
                    .append(' ')
                    .append(view.getShort(6, ByteOrder.LITTLE_ENDIAN));
            if (raw.length > 8 && raw[4] == 5) {
                text.append(' ')
                        .append(view.getShort(8, ByteOrder.LITTLE_ENDIAN))
                        .append('x')
                        .append(view.getShort(10, ByteOrder.LITTLE_ENDIAN));
            } else if (raw.length > 8) {
                text.append(' ').append(new String(raw, 8, raw.length - 8, StandardCharsets.UTF_8));
            }
            text.append("; ");
        }
        return text.toString();
    }

    /** What Linux does with a device that has several ports: DEVICE_READY, PORT_READY for each, PORT_OPEN for those that are opened. */
    void announce(int ports) {
        controlBuffers(16, 256);
        control(-1, 0, 1);
        for (int port = 0; port < ports; port++) {
            control(port, 3, 1);
            control(port, 6, 1);
        }
    }

    @Override
    public void close() {
        rig.close();
        for (int port = 0; port < toGuest.length; port++) {
            toGuest[port].close();
            toHost[port].close();
        }
    }
}
