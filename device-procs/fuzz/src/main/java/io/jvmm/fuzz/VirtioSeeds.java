package io.jvmm.fuzz;

import io.jvmm.fuzz.program.Operation;
import io.jvmm.fuzz.program.ProgramWriter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * What a driver of each virtio class does first, as programs: set up split and packed, with and without MSI-X, then a request of each kind, and what the host's side has
 * to do with it. The formats are those of virtio 1.2 §5.
 */
final class VirtioSeeds {
    private static final long ALL = 0xFFFF_FFFFL;
    private static final int KICK = 1;
    private static final int INDIRECT = 3;
    private static final int READ = 0;
    private static final int WRITE = 1;
    private static final int LONG_WRITE = 9;
    private static final byte[] NOTHING = {};
    /** Of BlockModel's image. */
    private static final long LAST_SECTOR = (1 << 21) - 1;

    private static final long SECOND_NS = 1_000_000_000;

    private VirtioSeeds() {}

    /** One request of a device: what it does to a program. */
    private interface Request {
        void to(ProgramWriter program);
    }

    /** Each request behind a set-up of its own kind, and all of them behind one. */
    private static List<byte[]> behindSetUps(List<Request> requests) {
        List<byte[]> seeds = new ArrayList<>();
        int how = 0;
        for (Request request : requests) {
            ProgramWriter program = new ProgramWriter(Operation.OF_VIRTIO).setUp(ALL, how % 6);
            request.to(program);
            program.sleep(SECOND_NS);
            seeds.add(program.bytes());
            how++;
        }
        for (int packed = 0; packed < 2; packed++) {
            ProgramWriter program = new ProgramWriter(Operation.OF_VIRTIO).setUp(ALL & ~(1L << 29), packed);
            for (Request request : requests) {
                if (program.length() < 400) {
                    request.to(program);
                }
            }
            seeds.add(program.plain(Operation.ADOPT).bytes());
        }
        return seeds;
    }

    private static ByteBuffer little(int length) {
        return ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    }

    static List<byte[]> rng() {
        return behindSetUps(List.of(
                p -> p.offer(0, KICK, new int[] {WRITE, 64}, NOTHING),
                p -> p.offer(0, INDIRECT, new int[] {WRITE, 200, WRITE, 16}, NOTHING),
                p -> p.answer(new byte[] {1})
                        .offer(0, KICK, new int[] {LONG_WRITE, 255}, NOTHING)
                        .sleep(SECOND_NS),
                p -> p.answer(new byte[] {(byte) 128, 2}).offer(0, KICK, new int[] {READ, 4, WRITE, 32}, new byte[4])));
    }

    static List<byte[]> balloon() {
        byte[] pages = little(16).putInt(5).putInt(6).putInt(7).putInt(-1).array();
        byte[] statistics = little(20)
                .putShort((short) 0)
                .putLong(1)
                .putShort((short) 5)
                .putLong(4096)
                .array();
        return behindSetUps(List.of(
                p -> p.offer(0, KICK, new int[] {READ, 16}, pages),
                p -> p.offer(1, KICK, new int[] {READ, 16}, pages),
                p -> p.offer(2, KICK, new int[] {READ, 20}, statistics)
                        .sleep(2 * SECOND_NS)
                        .offer(2, KICK, new int[] {READ, 20}, statistics),
                p -> p.offer(3, KICK, new int[] {READ, 4}, new byte[4])
                        .offer(3, KICK, new int[] {LONG_WRITE, 128}, NOTHING),
                p -> p.offer(4, INDIRECT, new int[] {LONG_WRITE, 64, LONG_WRITE, 64}, NOTHING),
                p -> p.request(1, 32768)
                        .sleep(SECOND_NS)
                        .answer(new byte[] {1})
                        .offer(0, KICK, new int[] {READ, 8}, pages)));
    }

    static List<byte[]> console() {
        byte[] text = "hello\r\n".getBytes(StandardCharsets.US_ASCII);
        return behindSetUps(List.of(
                p -> p.offer(2, KICK, new int[] {WRITE, 64}, NOTHING).offer(2, KICK, new int[] {WRITE, 64}, NOTHING),
                p -> p.offer(3, KICK, new int[] {READ, 8}, control(0, 0, 1)),
                p -> p.offer(3, KICK, new int[] {READ, 8}, control(1, 3, 1))
                        .offer(3, KICK, new int[] {READ, 8}, control(1, 6, 1)),
                p -> p.offer(1, KICK, new int[] {READ, 7}, text),
                p -> p.offer(0, KICK, new int[] {WRITE, 128}, NOTHING).input(0, text),
                p -> p.offer(4, KICK, new int[] {WRITE, 16}, NOTHING)
                        .input(1, text)
                        .line(1, 2)
                        .line(1, 1),
                p -> p.line(1, 3)
                        .offer(5, KICK, new int[] {READ, 7}, text)
                        .answer(new byte[] {(byte) 200})
                        .line(1, 4),
                p -> p.request(0, 0x0050_0019)));
    }

    private static byte[] control(int id, int event, int value) {
        return little(8)
                .putInt(id)
                .putShort((short) event)
                .putShort((short) value)
                .array();
    }

    static List<byte[]> block() {
        return behindSetUps(List.of(
                p -> p.offer(0, KICK, new int[] {READ, 16, LONG_WRITE, 8, WRITE, 1}, disk(0, 0)),
                p -> p.offer(0, KICK, new int[] {READ, 16, READ | 8, 8, WRITE, 1}, disk(1, 8)),
                p -> p.offer(0, KICK, new int[] {READ, 16, LONG_WRITE, 8, WRITE, 1}, disk(0, LAST_SECTOR))
                        .offer(0, KICK, new int[] {READ, 16, LONG_WRITE, 16, WRITE, 1}, disk(0, LAST_SECTOR)),
                p -> p.answer(new byte[] {1, 1})
                        .offer(1, INDIRECT, new int[] {READ, 16, READ | 8, 8, WRITE, 1}, disk(1, 16))
                        .event(0, 0),
                p -> p.offer(0, KICK, new int[] {READ, 16, WRITE, 1}, disk(4, 0))
                        .event(2, 0),
                p -> p.offer(0, KICK, new int[] {READ, 16, WRITE, 20, WRITE, 1}, disk(8, 0)),
                p -> p.offer(1, KICK, new int[] {READ, 32, WRITE, 1}, ranges(11))
                        .event(4, 0),
                p -> p.offer(1, KICK, new int[] {READ, 32, WRITE, 1}, ranges(13))
                        .event(0, 0),
                p -> p.answer(new byte[] {2})
                        .offer(0, KICK, new int[] {READ, 16, LONG_WRITE, 8, WRITE, 1}, disk(0, 3))
                        .event(3, 0)));
    }

    private static byte[] disk(int type, long sector) {
        return little(16).putInt(type).putInt(0).putLong(sector).array();
    }

    private static byte[] ranges(int type) {
        return little(32)
                .putInt(type)
                .putInt(0)
                .putLong(0)
                .putLong(8)
                .putInt(8)
                .putInt(type == 13 ? 1 : 0)
                .array();
    }

    static List<byte[]> net() {
        return behindSetUps(List.of(
                p -> p.offer(0, KICK, new int[] {LONG_WRITE, 32}, NOTHING).event(0, 76),
                p -> p.offer(2, KICK, new int[] {LONG_WRITE, 2}, NOTHING)
                        .offer(2, KICK, new int[] {LONG_WRITE, 2}, NOTHING)
                        .answer(new byte[] {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, -1, -1, -1, -1, -1, -1})
                        .event(4, 200),
                p -> p.offer(1, KICK, new int[] {READ, 12, READ, 60}, new byte[72]),
                p -> p.offer(3, INDIRECT, new int[] {READ, 72}, segments()),
                p -> p.answer(new byte[] {1})
                        .offer(1, KICK, new int[] {READ, 72}, new byte[72])
                        .event(1, 0),
                p -> p.offer(4, KICK, new int[] {READ, 2, READ, 1, WRITE, 1}, new byte[] {0, 0, 1}),
                p -> p.offer(4, KICK, new int[] {READ, 2, READ, 12, WRITE, 1}, new byte[] {
                    1, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0, 0
                }),
                p -> p.offer(4, KICK, new int[] {READ, 2, READ, 6, WRITE, 1}, new byte[] {1, 1, 2, 0, 0, 0, 0, 7}),
                p -> p.offer(4, KICK, new int[] {READ, 2, READ, 2, WRITE, 1}, new byte[] {4, 0, 2, 0}),
                p -> p.offer(
                        4, KICK, new int[] {READ, 2, READ, 8, WRITE, 1}, new byte[] {5, 0, 2, 0, 0, 0, 0, 0, 0, 0}),
                p -> p.event(2, 0)));
    }

    /** A header that asks for checksum and segments (§5.1.6.2). */
    private static byte[] segments() {
        return little(72)
                .put((byte) 1)
                .put((byte) 1)
                .putShort((short) 54)
                .putShort((short) 10)
                .putShort((short) 34)
                .putShort((short) 16)
                .array();
    }

    static List<byte[]> vsock() {
        return behindSetUps(List.of(
                p -> p.offer(0, KICK, new int[] {LONG_WRITE, 8}, NOTHING)
                        .offer(0, KICK, new int[] {LONG_WRITE, 8}, NOTHING),
                p -> p.offer(1, KICK, new int[] {READ, 44}, packet(1, 0, 0))
                        .event(10, 0)
                        .event(1, 100),
                p -> p.offer(1, KICK, new int[] {READ, 44, READ, 10}, packet(5, 10, 0)),
                p -> p.event(0, 0).event(4, 0).offer(1, KICK, new int[] {READ, 44}, packet(2, 0, 0)),
                p -> p.offer(1, KICK, new int[] {READ, 44}, packet(4, 0, 3)).event(5, 0),
                p -> p.answer(new byte[] {1, 1})
                        .offer(1, KICK, new int[] {READ, 54}, packet(5, 10, 0))
                        .event(2, 0),
                p -> p.offer(1, KICK, new int[] {READ, 44}, packet(6, 0, 0))
                        .offer(1, KICK, new int[] {READ, 44}, packet(7, 0, 0)),
                p -> p.offer(1, KICK, new int[] {READ, 44}, packet(3, 0, 0)).event(13, 0),
                p -> p.offer(2, KICK, new int[] {WRITE, 4}, NOTHING)
                        .plain(Operation.ADOPT)
                        .sleep(10 * SECOND_NS),
                p -> succeeded(p, true).event(1, 96)));
    }

    /** The guest is connected, and with a socket that is there the process dies. */
    static ProgramWriter succeeded(ProgramWriter program, boolean dies) {
        program.offer(0, KICK, new int[] {LONG_WRITE, 8}, NOTHING)
                .offer(0, KICK, new int[] {LONG_WRITE, 8}, NOTHING)
                .offer(0, KICK, new int[] {LONG_WRITE, 8}, NOTHING)
                .offer(1, KICK, new int[] {READ, 44}, packet(1, 0, 0))
                .event(10, 0);
        return dies ? program.plain(Operation.ADOPT) : program;
    }

    /** {@code struct virtio_vsock_hdr} (§5.10.6), from the guest 3 to the host 2. */
    private static byte[] packet(int operation, int length, int flags) {
        return little(54)
                .putLong(3)
                .putLong(2)
                .putInt(1024)
                .putInt(1024)
                .putInt(length)
                .putShort((short) 1)
                .putShort((short) operation)
                .putInt(flags)
                .putInt(65536)
                .putInt(0)
                .array();
    }
}
