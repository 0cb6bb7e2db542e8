package io.jvmm.device.api;

import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/**
 * Character streams between a device and its {@link Backend}s, in both directions flow-controlled. Part of a
 * {@link DeviceCore}, and as pure; a device behind a transport of its own (virtio) implements it by itself. Device thread only.
 */
public interface HostPorts {

    /** The most bytes one read or write of a back end moves; a constant of the device. */
    default int hostChunkBytes() {
        return StreamBackend.CHUNK_BYTES;
    }

    /** How many bytes from the host {@code port} takes now; 0 stops reading the back end, so nothing is lost. */
    default int hostInputRoom(int port) {
        return 0;
    }

    /** One byte (0..255) from the host. At most {@link #hostInputRoom} of them in a row. */
    default void hostInput(int port, int value, long nowNs) {}

    /**
     * Bytes from the host, as many as came together.
     *
     * @return how many of them were taken, from the first on; the others are offered again when there is room
     */
    default int hostInput(int port, DirectBuffer bytes, int offset, int lengthBytes, long nowNs) {
        int taken = 0;
        while (taken < lengthBytes && hostInputRoom(port) > 0) {
            hostInput(port, bytes.getByte(offset + taken) & 0xFF, nowNs);
            taken++;
        }
        return taken;
    }

    /** The host's side of the line sends a break. */
    default void hostBreak(int port, long nowNs) {}

    /** Somebody is at the other end of the line, or no longer is. Idempotent. */
    default void hostCarrier(int port, boolean present, long nowNs) {}

    /**
     * Copies bytes waiting for the host, oldest first, without removing them.
     *
     * @return how many, 0..{@code limitBytes}
     */
    default int hostOutput(int port, MutableDirectBuffer into, int offset, int limitBytes) {
        return 0;
    }

    /**
     * Whether output must be offered to the host before the next write. The runtime always offers it before any other
     * access and when the guest pauses; a core that can hold a row of writes to one register (a FIFO) says false while
     * there is room for another, and so lets the row leave in one system call.
     */
    default boolean hostOutputUrgent() {
        return true;
    }

    /** The back end took the {@code count} oldest bytes {@link #hostOutput} showed. */
    default void hostOutputDone(int port, int count, long nowNs) {}

    /** What {@link #hostPositions} was last told of the input, by whichever process; 0: nothing yet. Survives a reset. */
    default long hostInputPosition(int port) {
        return 0;
    }

    /** The same of the output. */
    default long hostOutputPosition(int port) {
        return 0;
    }

    /**
     * How far the port's two streams have come with this transaction: to be kept in the state, so that it is committed with what the bytes
     * have done. For a back end whose bytes outlive the process.
     */
    default void hostPositions(int port, long input, long output) {}
}
