package io.jvmm.device.net;

import io.jvmm.device.virtio.Chain;
import io.jvmm.ipc.sys.IoVector;
import java.lang.foreign.MemorySegment;

/** No host at the other end: what is sent is dropped, nothing comes. */
final class NoPort implements FramePort {

    @Override
    public int send(FrameHeader header, Chain chain, int frameBytes) {
        return DROPPED;
    }

    @Override
    public long receive(IoVector room) {
        return NOTHING;
    }

    @Override
    public boolean straight() {
        return false;
    }

    @Override
    public MemorySegment rest() {
        return MemorySegment.NULL;
    }

    @Override
    public void offloads(long guestOffloads) {}
}
