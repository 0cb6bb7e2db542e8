package io.jvmm.device.vsock;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * A private copy of one packet header, {@code struct virtio_vsock_hdr} of virtio 1.2 §5.10.6, little-endian. One thread.
 *
 * <pre>
 *   0         8         16         20         24     28      30     32      36          40        44
 *   | src_cid | dst_cid | src_port | dst_port | len  | type  | op   | flags | buf_alloc | fwd_cnt |
 * </pre>
 */
final class VsockHeader {

    static final int LENGTH_BYTES = 44;

    // type, §5.10.6
    static final int TYPE_STREAM = 1;

    // op, §5.10.6
    static final int OP_REQUEST = 1;
    static final int OP_RESPONSE = 2;
    static final int OP_RST = 3;
    static final int OP_SHUTDOWN = 4;
    static final int OP_RW = 5;
    static final int OP_CREDIT_UPDATE = 6;
    static final int OP_CREDIT_REQUEST = 7;

    // flags of OP_SHUTDOWN, §5.10.6.5: the sender will not receive, will not send any more
    static final int SHUTDOWN_RECEIVE = 1;
    static final int SHUTDOWN_SEND = 2;
    static final int SHUTDOWN_BOTH = SHUTDOWN_RECEIVE | SHUTDOWN_SEND;

    private static final ValueLayout.OfShort U16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong U64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final int SRC_CID = 0;
    private static final int DST_CID = 8;
    private static final int SRC_PORT = 16;
    private static final int DST_PORT = 20;
    private static final int LEN = 24;
    private static final int TYPE = 28;
    private static final int OP = 30;
    private static final int FLAGS = 32;
    private static final int BUF_ALLOC = 36;
    private static final int FWD_CNT = 40;

    private final MemorySegment bytes = Arena.ofAuto().allocate(LENGTH_BYTES, Long.BYTES);

    /** The 44 bytes. */
    MemorySegment bytes() {
        return bytes;
    }

    long srcCid() {
        return bytes.get(U64, SRC_CID);
    }

    long dstCid() {
        return bytes.get(U64, DST_CID);
    }

    int srcPort() {
        return bytes.get(U32, SRC_PORT);
    }

    int dstPort() {
        return bytes.get(U32, DST_PORT);
    }

    /** Unsigned. */
    long len() {
        return Integer.toUnsignedLong(bytes.get(U32, LEN));
    }

    int type() {
        return Short.toUnsignedInt(bytes.get(U16, TYPE));
    }

    int op() {
        return Short.toUnsignedInt(bytes.get(U16, OP));
    }

    int flags() {
        return bytes.get(U32, FLAGS);
    }

    int bufAlloc() {
        return bytes.get(U32, BUF_ALLOC);
    }

    int fwdCnt() {
        return bytes.get(U32, FWD_CNT);
    }

    /** Fills in everything; the packet has no data and no flags yet. */
    void set(long srcCid, int srcPort, long dstCid, int dstPort, int type, int op) {
        bytes.set(U64, SRC_CID, srcCid);
        bytes.set(U64, DST_CID, dstCid);
        bytes.set(U32, SRC_PORT, srcPort);
        bytes.set(U32, DST_PORT, dstPort);
        bytes.set(U32, LEN, 0);
        bytes.set(U16, TYPE, (short) type);
        bytes.set(U16, OP, (short) op);
        bytes.set(U32, FLAGS, 0);
        credit(0, 0);
    }

    void op(int op) {
        bytes.set(U16, OP, (short) op);
    }

    void len(int len) {
        bytes.set(U32, LEN, len);
    }

    void flags(int flags) {
        bytes.set(U32, FLAGS, flags);
    }

    void credit(int bufAlloc, int fwdCnt) {
        bytes.set(U32, BUF_ALLOC, bufAlloc);
        bytes.set(U32, FWD_CNT, fwdCnt);
    }
}
