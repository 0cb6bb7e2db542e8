package io.jvmm.fuzz.sandbox;

import io.jvmm.device.api.DeviceCore;
import io.jvmm.ipc.link.BoardEndpoint;
import java.util.function.Supplier;

/** A device at the other end of a link, as far as a vCPU reaches it. One thread, which is vCPU 0. */
final class RemoteCore implements DeviceCore {
    private static final int VCPU = 0;

    private final Supplier<BoardEndpoint> board;

    /** @param board asked each time: a successor may have another link */
    RemoteCore(Supplier<BoardEndpoint> board) {
        this.board = board;
    }

    @Override
    public long read(int region, int offset, int widthBytes, long nowNs) {
        return board.get().read(VCPU, region, offset, widthBytes);
    }

    @Override
    public void write(int region, int offset, int widthBytes, long value, long nowNs) {
        board.get().write(VCPU, region, offset, widthBytes, value);
    }

    @Override
    public void kick(int queue, long nowNs) {
        board.get().kick(VCPU, queue);
    }

    @Override
    public void reset(long nowNs) {
        board.get().reset(VCPU);
    }
}
