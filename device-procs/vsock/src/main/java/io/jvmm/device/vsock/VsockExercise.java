package io.jvmm.device.vsock;

import io.jvmm.device.virtio.VirtioFactory.VirtioExercise;
import io.jvmm.device.virtio.VirtioFeature;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A guest's life for a scratch machine, with {@link ScratchPeer} on the other side: connections that are accepted, refused and
 * unknown, data there and back, credit, both kinds of end, time-outs.
 */
final class VsockExercise {

    private static final int BUFFER_BYTES = 512;
    private static final int SETTLE_NS = 1_000_000;
    private static final int ECHO_PORT = 7;
    private static final int FIRST_GUEST_PORT = 1024;

    private final VirtioExercise machine;
    private final MemorySegment line = Arena.ofAuto().allocate(ConnectLine.MAX_OK_BYTES);
    private int guestPort = FIRST_GUEST_PORT;
    private int received;

    private VsockExercise(VirtioExercise machine) {
        this.machine = machine;
    }

    static void run(VirtioExercise machine) {
        VsockExercise exercise = new VsockExercise(machine);
        exercise.live(false);
        exercise.live(true);
    }

    private void live(boolean packed) {
        machine.setUp(VsockDevice.F_STREAM | VirtioFeature.USUAL, packed);
        machine.read(0, 0x2000, 4);
        machine.offer(Switchboard.EVENT, new byte[0], 8);
        for (int i = 0; i < 3; i++) {
            connect(ECHO_PORT);
            talk();
            send(VsockHeader.OP_CREDIT_REQUEST, 0, 0, 0);
            send(VsockHeader.OP_CREDIT_UPDATE, 0, 0, 1 << 16);
            send(VsockHeader.OP_SHUTDOWN, VsockHeader.SHUTDOWN_SEND, 0, 1 << 16);
            send(VsockHeader.OP_SHUTDOWN, VsockHeader.SHUTDOWN_BOTH, 0, 1 << 16);
            send(VsockHeader.OP_RW, 0, 4, 1 << 16); // for a connection that is no more
            connect(ScratchPeer.REFUSED_PORT);
            connect(ScratchPeer.CLIENT_PORT);
            connect(ECHO_PORT);
            talk();
            send(VsockHeader.OP_RST, 0, 0, 0);
            misbehave();
            connect(ECHO_PORT);
            connect(ECHO_PORT + 1); // the peer leaves the former one
            machine.advance(Timeouts.SHUTDOWN_NS + SETTLE_NS);
            settle();
        }
    }

    /** Every class that a bad guest makes the device use. */
    private void misbehave() {
        machine.offer(Switchboard.TX, new byte[VsockHeader.LENGTH_BYTES - 1], 0);
        connect(ECHO_PORT);
        send(VsockHeader.OP_REQUEST, 0, 0, 0);
        // A client's OK line is only written when the guest answers REQUEST, whose ports this guest does not look at.
        ConnectLine.formatOk(line, VsockState.FIRST_HOST_PORT);
    }

    private void connect(int hostPort) {
        guestPort++;
        received = 0;
        packet(hostPort, VsockHeader.OP_REQUEST, 0, 0, 1 << 16);
        settle();
    }

    private void talk() {
        for (int i = 0; i < 4; i++) {
            send(VsockHeader.OP_RW, 0, 64, 1 << 16);
            received += 64;
        }
    }

    private void send(int op, int flags, int dataBytes, int credit) {
        packet(ECHO_PORT, op, flags, dataBytes, credit);
        settle();
    }

    private void packet(int hostPort, int op, int flags, int dataBytes, int credit) {
        byte[] packet = new byte[VsockHeader.LENGTH_BYTES + dataBytes];
        ByteBuffer.wrap(packet)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(3)
                .putLong(Switchboard.HOST_CID)
                .putInt(guestPort)
                .putInt(hostPort)
                .putInt(dataBytes)
                .putShort((short) VsockHeader.TYPE_STREAM)
                .putShort((short) op)
                .putInt(flags)
                .putInt(credit)
                .putInt(received);
        machine.offer(Switchboard.TX, packet, 0);
    }

    private void settle() {
        for (int i = 0; i < 2; i++) {
            machine.offer(Switchboard.RX, new byte[0], BUFFER_BYTES);
            machine.advance(SETTLE_NS);
            machine.reap();
        }
    }
}
