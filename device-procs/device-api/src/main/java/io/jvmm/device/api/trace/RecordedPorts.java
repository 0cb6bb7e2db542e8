package io.jvmm.device.api.trace;

import io.jvmm.device.api.HostPorts;
import io.jvmm.ipc.trace.RecordingTape;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/**
 * The host ports of a device that is recorded: given to its back ends in the place of the ports themselves. Questions whose answer follows from the state alone are not
 * on the tape. Device thread; allocates nothing.
 */
public class RecordedPorts implements HostPorts {
    /** Where the number of a virtio function is in that of a port. */
    static final int FUNCTION_SHIFT = 32;

    private final HostPorts ports;
    private final RecordingTape tape;
    private final long function;

    /** @param function of a virtio device with ports of its own; 0 for the ports of a core */
    public RecordedPorts(HostPorts ports, RecordingTape tape, int function) {
        this.ports = ports;
        this.tape = tape;
        this.function = (long) function << FUNCTION_SHIFT;
    }

    @Override
    public int hostChunkBytes() {
        return ports.hostChunkBytes();
    }

    /** A port with virtqueues looks into guest memory for this. */
    @Override
    public int hostInputRoom(int port) {
        tape.call(DeviceCall.HOST_INPUT_ROOM.code(), function | port, 0, 0, 0);
        long before = tape.writtenBytes();
        int room = ports.hostInputRoom(port);
        if (tape.writtenBytes() == before) {
            tape.dropIdleCall();
        } else {
            tape.output(DeviceCall.HOST_INPUT_ROOM.code(), room, 0, 0);
        }
        return room;
    }

    @Override
    public void hostInput(int port, int value, long nowNs) {
        tape.call(DeviceCall.HOST_INPUT.code(), function | port, value, 0, nowNs);
        ports.hostInput(port, value, nowNs);
    }

    @Override
    public int hostInput(int port, DirectBuffer bytes, int offset, int lengthBytes, long nowNs) {
        tape.call(DeviceCall.HOST_INPUT_BYTES.code(), function | port, lengthBytes, 0, nowNs);
        tape.callBytes(bytes, offset, lengthBytes);
        int taken = ports.hostInput(port, bytes, offset, lengthBytes, nowNs);
        tape.output(DeviceCall.HOST_INPUT_BYTES.code(), taken, 0, 0);
        return taken;
    }

    @Override
    public void hostBreak(int port, long nowNs) {
        tape.call(DeviceCall.HOST_BREAK.code(), function | port, 0, 0, nowNs);
        ports.hostBreak(port, nowNs);
    }

    @Override
    public void hostCarrier(int port, boolean present, long nowNs) {
        tape.call(DeviceCall.HOST_CARRIER.code(), function | port, present ? 1 : 0, 0, nowNs);
        ports.hostCarrier(port, present, nowNs);
    }

    @Override
    public int hostOutput(int port, MutableDirectBuffer into, int offset, int limitBytes) {
        tape.call(DeviceCall.HOST_OUTPUT.code(), function | port, limitBytes, 0, 0);
        long before = tape.writtenBytes();
        int count = ports.hostOutput(port, into, offset, limitBytes);
        if (count == 0 && tape.writtenBytes() == before) {
            tape.dropIdleCall();
        } else {
            tape.outputBytes(DeviceCall.HOST_OUTPUT.code(), into, offset, count);
        }
        return count;
    }

    @Override
    public boolean hostOutputUrgent() {
        return ports.hostOutputUrgent();
    }

    @Override
    public void hostOutputDone(int port, int count, long nowNs) {
        tape.call(DeviceCall.HOST_OUTPUT_DONE.code(), function | port, count, 0, nowNs);
        ports.hostOutputDone(port, count, nowNs);
    }

    @Override
    public long hostInputPosition(int port) {
        return ports.hostInputPosition(port);
    }

    @Override
    public long hostOutputPosition(int port) {
        return ports.hostOutputPosition(port);
    }

    @Override
    public void hostPositions(int port, long input, long output) {
        tape.call(DeviceCall.HOST_POSITIONS.code(), function | port, input, output, 0);
        ports.hostPositions(port, input, output);
    }
}
