package io.jvmm.device.net;

import io.jvmm.device.virtio.VirtioFactory.VirtioExercise;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A driver's life for the warm-up: sets up, filters, sends plain frames and ones with work left to do on both pairs, and
 * receives them again, because its host sends everything back.
 */
final class NetExercise {
    private static final int PAIRS = 2;
    private static final int CONTROL = 2 * PAIRS;
    private static final int ROOM_BYTES = 1024;
    private static final int FRAMES = 4;
    private static final int PAYLOAD_BYTES = 200;
    private static final int SEGMENT_BYTES = 64;
    private static final int IPV4_BYTES = 20;
    private static final int TCP_BYTES = 20;
    private static final int UDP_BYTES = 8;
    private static final long WHILE_NS = 1_000_000;

    private NetExercise() {}

    static void run(VirtioExercise machine) {
        for (boolean packed : new boolean[] {false, true}) {
            machine.setUp(~NetFeatures.MTU, packed);
            life(machine);
            machine.setUp(NetFeatures.MAC | NetFeatures.STATUS | NetFeatures.MTU, packed); // a boot loader's driver
            life(machine);
        }
    }

    private static void life(VirtioExercise machine) {
        for (int offset = 0; offset < 16; offset += 4) {
            machine.read(0, 0x2000 + offset, 4);
        }
        command(machine, 0, 0, 0);
        command(machine, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x33, 0x33, 0, 0, 0, 1);
        command(machine, 2, 0, 1, 0);
        command(machine, 3, 0);
        command(machine, 4, 0, 2, 0);
        command(machine, 5, 0, 3, 0, 0, 0, 0, 0, 0, 0);
        command(machine, 9, 9);
        for (int pair = 0; pair < PAIRS; pair++) {
            for (int i = 0; i < FRAMES; i++) {
                machine.offer(2 * pair, new byte[0], ROOM_BYTES);
                machine.offer(2 * pair + 1, frame(i), 0);
                machine.advance(WHILE_NS);
                machine.reap();
            }
            machine.offer(2 * pair + 1, new byte[] {1, 2, 3}, 0);
            machine.reap();
        }
    }

    private static void command(VirtioExercise machine, int... bytes) {
        byte[] command = new byte[bytes.length];
        for (int i = 0; i < bytes.length; i++) {
            command[i] = (byte) bytes[i];
        }
        machine.offer(CONTROL, command, 1);
        machine.reap();
    }

    /** 0: ARP, 1: UDP without its checksum, 2: TCP to be segmented, 3: UDP to be segmented. */
    private static byte[] frame(int kind) {
        boolean tcp = kind == 2;
        int transport = tcp ? TCP_BYTES : UDP_BYTES;
        ByteBuffer bytes = ByteBuffer.allocate(
                FrameHeader.LENGTH_BYTES + FrameHeader.ETHERNET_BYTES + IPV4_BYTES + transport + PAYLOAD_BYTES);
        bytes.order(ByteOrder.LITTLE_ENDIAN);
        int l4 = FrameHeader.ETHERNET_BYTES + IPV4_BYTES;
        if (kind > 0) {
            int type = kind == 1 ? 0 : tcp ? FrameHeader.GSO_TCPV4 : FrameHeader.GSO_UDP_L4;
            bytes.put((byte) FrameHeader.NEEDS_CSUM).put((byte) type);
            bytes.putShort((short) (l4 + transport)).putShort((short) SEGMENT_BYTES);
            bytes.putShort((short) l4).putShort((short) (tcp ? 16 : 6)).putShort((short) 0);
        }
        bytes.order(ByteOrder.BIG_ENDIAN).position(FrameHeader.LENGTH_BYTES);
        bytes.put(new byte[] {0x52, 0x54, 0, 0x12, 0x34, 0x56, 2, 0, 0, 0, 0, 1});
        bytes.putShort((short) (kind == 0 ? 0x0806 : 0x0800));
        int total = IPV4_BYTES + transport + PAYLOAD_BYTES;
        bytes.put((byte) 0x45).put((byte) 0).putShort((short) total).putInt(0);
        bytes.put((byte) 64)
                .put((byte) (tcp ? 6 : 17))
                .putShort((short) 0)
                .putInt(0x0A000001)
                .putInt(0x0A000002);
        bytes.putShort((short) 7).putShort((short) 7);
        if (tcp) {
            bytes.putInt(0).putInt(0).put((byte) 0x50).put((byte) 0x18);
        } else {
            bytes.putShort((short) (transport + PAYLOAD_BYTES));
        }
        return bytes.array();
    }
}
