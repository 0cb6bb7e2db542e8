package io.jvmm.device.api.trace;

import io.jvmm.device.api.HostPorts;
import io.jvmm.ipc.trace.Tape;
import java.util.List;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/** Makes the calls of {@link RecordedPorts} again, in a replay. */
public final class ReplayedPorts implements HostCalls {
    private static final int MOST_BYTES = 1 << 16;

    private final List<? extends HostPorts> functions;
    private final int portsEach;
    private final Tape tape;
    private final UnsafeBuffer shown = new UnsafeBuffer(new byte[MOST_BYTES]);

    /**
     * @param functions whose ports they are, by function
     * @param portsEach how many each has at most; a call of another one is refused
     */
    public ReplayedPorts(List<? extends HostPorts> functions, int portsEach, Tape tape) {
        this.functions = functions;
        this.portsEach = portsEach;
        this.tape = tape;
    }

    @Override
    public boolean call(int method, long a, long b, long c, long nowNs, DirectBuffer bytes, int lengthBytes) {
        DeviceCall call = DeviceCall.of(method);
        long function = a >>> RecordedPorts.FUNCTION_SHIFT;
        int port = (int) a;
        if (call == null || function >= functions.size() || port < 0 || port >= portsEach) {
            return false;
        }
        HostPorts ports = functions.get((int) function);
        switch (call) {
            case HOST_INPUT_ROOM -> tape.output(method, ports.hostInputRoom(port), 0, 0);
            case HOST_INPUT -> ports.hostInput(port, (int) b & 0xFF, nowNs);
            case HOST_INPUT_BYTES -> tape.output(method, ports.hostInput(port, bytes, 0, lengthBytes, nowNs), 0, 0);
            case HOST_BREAK -> ports.hostBreak(port, nowNs);
            case HOST_CARRIER -> ports.hostCarrier(port, b != 0, nowNs);
            case HOST_OUTPUT -> {
                int limit = Math.clamp(b, 0, MOST_BYTES);
                tape.outputBytes(method, shown, 0, ports.hostOutput(port, shown, 0, limit));
            }
            case HOST_OUTPUT_DONE -> ports.hostOutputDone(port, (int) b, nowNs);
            case HOST_POSITIONS -> ports.hostPositions(port, b, c);
            default -> {
                return false;
            }
        }
        return true;
    }

    @Override
    public String nameOf(int method) {
        return DeviceCall.nameOf(method);
    }
}
