package io.jvmm.device.vsock;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/** A packet as a driver sees it: {@code struct virtio_vsock_hdr}, virtio 1.2 §5.10.6, written down apart from the device's code. */
@SuppressWarnings("ArrayRecordComponent") // a value of the test, compared by its fields
record Packet(
        long srcCid,
        long dstCid,
        int srcPort,
        int dstPort,
        int len,
        int type,
        int op,
        int flags,
        int bufAlloc,
        int fwdCnt,
        byte[] data) {

    static final int REQUEST = 1;
    static final int RESPONSE = 2;
    static final int RST = 3;
    static final int SHUTDOWN = 4;
    static final int RW = 5;
    static final int CREDIT_UPDATE = 6;
    static final int CREDIT_REQUEST = 7;

    static final int RCV = 1;
    static final int SEND = 2;

    private static final int HEADER_BYTES = 44;

    static Packet parse(byte[] bytes) {
        if (bytes.length < HEADER_BYTES) {
            throw new AssertionError("a packet of " + bytes.length + " bytes");
        }
        ByteBuffer at = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        return new Packet(
                at.getLong(),
                at.getLong(),
                at.getInt(),
                at.getInt(),
                at.getInt(),
                at.getShort(),
                at.getShort(),
                at.getInt(),
                at.getInt(),
                at.getInt(),
                Arrays.copyOfRange(bytes, HEADER_BYTES, bytes.length));
    }

    byte[] bytes() {
        return ByteBuffer.allocate(HEADER_BYTES + data.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(srcCid)
                .putLong(dstCid)
                .putInt(srcPort)
                .putInt(dstPort)
                .putInt(len)
                .putShort((short) type)
                .putShort((short) op)
                .putInt(flags)
                .putInt(bufAlloc)
                .putInt(fwdCnt)
                .put(data)
                .array();
    }

    @Override
    public String toString() {
        String[] names = {"INVALID", "REQUEST", "RESPONSE", "RST", "SHUTDOWN", "RW", "CREDIT_UPDATE", "CREDIT_REQUEST"};
        return (op < names.length ? names[op] : "op " + op) + " " + Integer.toUnsignedString(srcPort) + "->"
                + Integer.toUnsignedString(dstPort) + " len " + len + " flags " + flags;
    }
}
