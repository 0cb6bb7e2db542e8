package io.jvmm.device.vsock;

import io.jvmm.device.api.HostEvents;
import io.jvmm.device.api.trace.HostCalls;
import io.jvmm.ipc.trace.Tape;
import java.util.List;
import java.util.Optional;
import org.agrona.DirectBuffer;
import org.jspecify.annotations.Nullable;

/** The host's side of the functions of a process in a replay: the same code over {@link RecordedSockets}, without a host behind them. */
final class ReplayedHosts implements HostCalls {

    private static final HostEvents NOBODY = new HostEvents() {
        @Override
        public void escape(int port, int what) {
            // nobody is told
        }

        @Override
        public void backendLost(int port, int errno) {
            // nobody is told
        }
    };

    private final List<VsockDevice> devices;
    private final Tape tape;
    private final @Nullable UnixHostSide[] hosts;

    ReplayedHosts(List<VsockDevice> devices, Tape tape) {
        this.devices = devices;
        this.tape = tape;
        this.hosts = new @Nullable UnixHostSide[devices.size()];
    }

    @Override
    public boolean call(int method, long a, long b, long c, long nowNs, DirectBuffer bytes, int lengthBytes) {
        VsockCall call = VsockCall.of(method);
        if (call == null || a < 0 || a >= hosts.length) {
            return false;
        }
        UnixHostSide host = hosts[(int) a];
        if (call == VsockCall.ATTACH) {
            VsockDevice device = devices.get((int) a);
            Sockets sockets = new RecordedSockets((int) a, tape, null);
            hosts[(int) a] =
                    new UnixHostSide((int) a, device.switchboard(), device.attach(Optional.empty()), NOBODY, sockets);
        } else if (call == VsockCall.SERVE && host != null) {
            host.service(nowNs);
        } else if (call == VsockCall.DELIVER && host != null) {
            host.deliver(nowNs);
        } else {
            return false;
        }
        return true;
    }

    @Override
    public void close() {
        for (UnixHostSide host : hosts) {
            if (host != null) {
                host.close();
            }
        }
    }

    @Override
    public String nameOf(int method) {
        return VsockCall.nameOf(method);
    }
}
