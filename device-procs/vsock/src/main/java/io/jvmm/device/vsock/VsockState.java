package io.jvmm.device.vsock;

import io.jvmm.device.api.StateRejectedException;
import io.jvmm.ipc.vsock.VsockStreamsLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import org.agrona.concurrent.AtomicBuffer;

/**
 * The device's own part of the state segment, version 2, little-endian. Connections are in the {@link StreamMemory};
 * {@code epoch} tells what of that is committed. Where there is none that outlives the process a successor tells the guest that they are
 * gone (§5.10.6.7). Version 1 had neither epoch nor resets.
 *
 * <pre>
 *   0    guestCid u64         16   packetsToGuest u64     48   connections u64     80   epoch u64
 *   8    nextHostPort u32     24   packetsFromGuest u64   56   refused u64         88   resetHead u32
 *   12   resetPending u32     32   bytesToGuest u64       64   resets u64          92   resetCount u32
 *                             40   bytesFromGuest u64     72   guestErrors u64
 * </pre>
 *
 * <p>{@code resetPending}: 1 while the guest is still to be sent VIRTIO_VSOCK_EVENT_TRANSPORT_RESET. {@code resetHead} and
 * {@code resetCount}: which answers to packets of no connection wait. The counters are for inspectors; nothing depends on them.
 */
final class VsockState {

    static final int VERSION = 2;
    static final int LENGTH_BYTES = 96;

    private static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong U64 = ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);

    static final StructLayout STATE_V2 = MemoryLayout.structLayout(
            U64.withName("guestCid"),
            U32.withName("nextHostPort"),
            U32.withName("resetPending"),
            U64.withName("packetsToGuest"),
            U64.withName("packetsFromGuest"),
            U64.withName("bytesToGuest"),
            U64.withName("bytesFromGuest"),
            U64.withName("connections"),
            U64.withName("refused"),
            U64.withName("resets"),
            U64.withName("guestErrors"),
            U64.withName("epoch"),
            U32.withName("resetHead"),
            U32.withName("resetCount"));

    /** The first port given to clients of the host; those up to 2^31 - 1 are used in turn. */
    static final int FIRST_HOST_PORT = 1 << 30;

    static final int PACKETS_TO_GUEST = 16;
    static final int PACKETS_FROM_GUEST = 24;
    static final int BYTES_TO_GUEST = 32;
    static final int BYTES_FROM_GUEST = 40;
    static final int CONNECTIONS = 48;
    static final int REFUSED = 56;
    static final int RESETS = 64;
    static final int GUEST_ERRORS = 72;

    private static final int GUEST_CID = 0;
    private static final int NEXT_HOST_PORT = 8;
    private static final int RESET_PENDING = 12;
    private static final int EPOCH = 80;
    private static final int RESET_HEAD = 88;
    private static final int RESET_COUNT = 92;

    private final AtomicBuffer buffer;
    /** What a predecessor had counted. */
    private final long bytesToGuestBefore;

    private final long bytesFromGuestBefore;

    /**
     * @param fresh whether to initialise it, or to check what a predecessor left
     * @throws StateRejectedException naming the field
     */
    VsockState(AtomicBuffer buffer, boolean fresh, long guestCid) {
        this.buffer = buffer;
        this.bytesToGuestBefore = counter(BYTES_TO_GUEST);
        this.bytesFromGuestBefore = counter(BYTES_FROM_GUEST);
        if (fresh) {
            buffer.putLong(GUEST_CID, guestCid, ByteOrder.LITTLE_ENDIAN);
            nextHostPort(FIRST_HOST_PORT);
            return;
        }
        require(buffer.getLong(GUEST_CID, ByteOrder.LITTLE_ENDIAN) == guestCid, "guestCid");
        require((u32(NEXT_HOST_PORT) & 0xC000_0000) == FIRST_HOST_PORT, "nextHostPort");
        require(u32(RESET_PENDING) == 0 || u32(RESET_PENDING) == 1, "resetPending");
        require(epoch() >= 0, "epoch");
        require(resetHead() >= 0 && resetHead() < VsockStreamsLayout.RESETS, "resetHead");
        require(resetCount() >= 0 && resetCount() <= VsockStreamsLayout.RESETS / 2, "resetCount");
    }

    /**
     * The connections of a predecessor are gone.
     *
     * @param skippedPorts how many ports it may have given away since its last commit
     */
    void connectionsLost(int skippedPorts) {
        nextHostPort(u32(NEXT_HOST_PORT) + skippedPorts);
        resetPending(true);
        resets(0, 0);
    }

    /** Which commit of the stream memory this is. */
    long epoch() {
        return buffer.getLong(EPOCH, ByteOrder.LITTLE_ENDIAN);
    }

    void epoch(long epoch) {
        buffer.putLong(EPOCH, epoch, ByteOrder.LITTLE_ENDIAN);
    }

    int resetHead() {
        return u32(RESET_HEAD);
    }

    int resetCount() {
        return u32(RESET_COUNT);
    }

    void resets(int head, int count) {
        buffer.putInt(RESET_HEAD, head, ByteOrder.LITTLE_ENDIAN);
        buffer.putInt(RESET_COUNT, count, ByteOrder.LITTLE_ENDIAN);
    }

    private static void require(boolean valid, String field) {
        if (!valid) {
            throw new StateRejectedException("vsock state: " + field + " cannot be");
        }
    }

    private int u32(int field) {
        return buffer.getInt(field, ByteOrder.LITTLE_ENDIAN);
    }

    private void nextHostPort(int port) {
        buffer.putInt(NEXT_HOST_PORT, (port & (FIRST_HOST_PORT - 1)) | FIRST_HOST_PORT, ByteOrder.LITTLE_ENDIAN);
    }

    /** The port for the next client of the host. */
    int takeHostPort() {
        int port = u32(NEXT_HOST_PORT);
        nextHostPort(port + 1);
        return port;
    }

    boolean resetPending() {
        return u32(RESET_PENDING) != 0;
    }

    void resetPending(boolean pending) {
        buffer.putInt(RESET_PENDING, pending ? 1 : 0, ByteOrder.LITTLE_ENDIAN);
    }

    /** Adds to one of the counters. */
    void count(int counter, long more) {
        buffer.putLong(counter, buffer.getLong(counter, ByteOrder.LITTLE_ENDIAN) + more, ByteOrder.LITTLE_ENDIAN);
    }

    /** Data that went to the guest since this was made. */
    long bytesToGuest() {
        return counter(BYTES_TO_GUEST) - bytesToGuestBefore;
    }

    /** Data that came from the guest since this was made. */
    long bytesFromGuest() {
        return counter(BYTES_FROM_GUEST) - bytesFromGuestBefore;
    }

    long counter(int counter) {
        return buffer.getLong(counter, ByteOrder.LITTLE_ENDIAN);
    }
}
