package io.jvmm.device.net;

import io.jvmm.device.api.StateRejectedException;
import io.jvmm.ipc.passt.PasstStreamsLayout;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Mapping;
import io.jvmm.ipc.sys.MemFd;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * The frames under way to and from passt, and the places in its streams: {@link PasstStreamsLayout}, in memory that outlives the process where
 * the supervisor gives some. The frames themselves die with it, as frames may; what counts is where the next begins.
 */
final class PasstStreams {
    private static final int PAGE_BYTES = 4096;

    private final MemorySegment memory;
    private final UnsafeBuffer out;
    private final UnsafeBuffer in;
    private final StreamPlace sending;
    private final StreamPlace receiving;

    /** @param memory page-aligned, all of a {@link PasstStreamsLayout}; {@link StateRejectedException} as for {@link #in} */
    PasstStreams(MemorySegment memory) {
        this.memory = memory;
        UnsafeBuffer page = new UnsafeBuffer(memory.address(), PAGE_BYTES);
        this.out = new UnsafeBuffer(memory.address() + PasstStreamsLayout.OUT_AT, PasstStreamsLayout.OUT_BYTES);
        this.in = new UnsafeBuffer(memory.address() + PasstStreamsLayout.IN_AT, PasstStreamsLayout.IN_BYTES);
        this.sending = new StreamPlace(memory, page, 0, out, true);
        this.receiving = new StreamPlace(memory, page, PasstStreamsLayout.SIDE_BYTES, in, false);
    }

    /** Memory that dies with the process. */
    static PasstStreams ofItsOwn() {
        return new PasstStreams(Arena.ofAuto().allocate(PasstStreamsLayout.TOTAL_BYTES, PAGE_BYTES));
    }

    /**
     * The memory in a descriptor of the supervisor's, which is closed.
     *
     * @throws StateRejectedException when no process of before can have left it so
     */
    static PasstStreams in(Fd fd) {
        try (fd) {
            if (FileIo.size(fd) != PasstStreamsLayout.TOTAL_BYTES
                    || !MemFd.of(fd).hasSeals(MemFd.SEALS_FIXED_SIZE)) {
                throw new StateRejectedException("passt streams: not sealed, or of another length");
            }
            return new PasstStreams(Mapping.shared(fd, 0, PasstStreamsLayout.TOTAL_BYTES, Mapping.Access.READ_WRITE)
                    .segment());
        }
    }

    /** Bytes on their way to the host. */
    UnsafeBuffer out() {
        return out;
    }

    /** Where they are. */
    MemorySegment outSegment() {
        return memory.asSlice(PasstStreamsLayout.OUT_AT, PasstStreamsLayout.OUT_BYTES);
    }

    /** Bytes from the host. */
    UnsafeBuffer in() {
        return in;
    }

    MemorySegment inSegment() {
        return memory.asSlice(PasstStreamsLayout.IN_AT, PasstStreamsLayout.IN_BYTES);
    }

    StreamPlace sending() {
        return sending;
    }

    StreamPlace receiving() {
        return receiving;
    }
}
