package io.jvmm.device.vsock;

import java.util.Random;
import java.util.zip.CRC32C;

/**
 * A stream in the guest that keeps to its credit, as Linux's driver does: sends a given amount of pseudo-random bytes and takes
 * what comes at its own pace. The test passes the packets of its port to {@link #packet}.
 */
final class GuestStream {
    private static final int BUF_ALLOC = 32 * 1024;

    private final VsockBench bench;
    private final int guestPort;
    private final int hostPort;
    private final Random random;
    private final CRC32C sentSum = new CRC32C();
    private final CRC32C takenSum = new CRC32C();
    private long toSend;
    private int sentCnt;
    private int peerBufAlloc;
    private int peerFwdCnt;
    private int arrived;
    private int taken;
    private int takenTold;
    private long takenTotal;
    private boolean ended;
    private boolean reset;

    GuestStream(VsockBench bench, int guestPort, int hostPort, long toSend, long seed) {
        this.bench = bench;
        this.guestPort = guestPort;
        this.hostPort = hostPort;
        this.toSend = toSend;
        this.random = new Random(seed);
    }

    private Packet header(int op, int flags, byte[] data) {
        takenTold = taken;
        return new Packet(VsockBench.CID, 2, guestPort, hostPort, data.length, 1, op, flags, BUF_ALLOC, taken, data);
    }

    void connect() {
        bench.post(header(Packet.REQUEST, 0, new byte[0]));
    }

    void packet(Packet packet) {
        peerBufAlloc = packet.bufAlloc();
        peerFwdCnt = packet.fwdCnt();
        switch (packet.op()) {
            case Packet.RW -> {
                arrived += packet.len();
                if (arrived - taken > BUF_ALLOC) {
                    throw new AssertionError(
                            "the device sent " + (arrived - taken) + " bytes, more than it had credit for");
                }
                takenSum.update(packet.data());
            }
            case Packet.CREDIT_REQUEST -> bench.post(header(Packet.CREDIT_UPDATE, 0, new byte[0]));
            case Packet.SHUTDOWN -> ended |= (packet.flags() & Packet.SEND) != 0;
            case Packet.RST -> reset = true;
            case Packet.RESPONSE, Packet.CREDIT_UPDATE -> {}
            default -> throw new AssertionError("out of place: " + packet);
        }
    }

    /** Sends a packet if there is credit for one. */
    void send() {
        long credit = Integer.toUnsignedLong(peerBufAlloc) - Integer.toUnsignedLong(sentCnt - peerFwdCnt);
        int length = (int) Math.min(Math.min(credit, toSend), 1 + random.nextInt(16 * 1024));
        if (length <= 0 || !bench.driver.queue(VsockBench.TX).hasRoom(2)) {
            return;
        }
        byte[] data = new byte[length];
        random.nextBytes(data);
        sentSum.update(data);
        toSend -= length;
        sentCnt += length;
        bench.post(header(Packet.RW, 0, data));
    }

    /** The program takes what has arrived, or a part. */
    void take(int most) {
        int part = Math.min(arrived - taken, most);
        taken += part;
        takenTotal += part;
        if (taken - takenTold >= BUF_ALLOC / 2) {
            bench.post(header(Packet.CREDIT_UPDATE, 0, new byte[0]));
        }
    }

    void close() {
        bench.post(header(Packet.SHUTDOWN, Packet.RCV | Packet.SEND, new byte[0]));
    }

    boolean sentAll() {
        return toSend == 0;
    }

    long takenTotal() {
        return takenTotal;
    }

    boolean ended() {
        return ended;
    }

    boolean wasReset() {
        return reset;
    }

    long sentSum() {
        return sentSum.getValue();
    }

    long takenSum() {
        return takenSum.getValue();
    }
}
