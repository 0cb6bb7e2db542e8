package io.jvmm.fuzz.machine;

import io.jvmm.device.api.trace.DeviceCall;
import io.jvmm.fuzz.program.Operation;
import io.jvmm.fuzz.program.ProgramWriter;
import io.jvmm.ipc.trace.BatchReader;
import io.jvmm.ipc.trace.RecordType;
import io.jvmm.ipc.trace.TraceFormatException;
import io.jvmm.ipc.trace.TraceSource;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Programs out of a recorded life: what a real guest did, in pieces. Register accesses, time and the host's streams are taken over as they were. Of virtqueues it is the
 * requests: behind each kick, what the device looked at becomes a buffer with the same bytes, for a real guest's memory is larger than that of a fuzz machine.
 */
public final class LifeSeed {
    private static final int VIRTIO_SETUP = 0x40;
    private static final int DEVICE_CONFIG = 0x2000;
    private static final int DRIVER_FEATURE_SELECT = 0x08;
    private static final int DRIVER_FEATURE = 0x0C;
    private static final int RING_PACKED = 1 << 2;
    private static final long LONG_ENOUGH_NS = 1000;
    private static final int WORD_BYTES = 8;
    private static final int MOST_LOOKED_AT = 128;
    private static final int KICK = 1;
    private static final int[] ROOM = {0, 0, 9, 16, 1, 1};

    private final List<Operation> vocabulary;
    private final int longest;
    private final boolean virtio;
    private final List<byte[]> pieces = new ArrayList<>();
    private ProgramWriter piece;
    private long nowNs;
    private long features = 0xFFFF_FFFFL;
    private int featureSelect;
    private boolean packed;
    private int queue = -1;

    private LifeSeed(List<Operation> vocabulary, int longest) {
        this.vocabulary = vocabulary;
        this.longest = longest;
        this.virtio = vocabulary.contains(Operation.OFFER);
        this.piece = new ProgramWriter(vocabulary);
    }

    /**
     * The pieces of a life.
     *
     * @param longest in bytes
     * @throws TraceFormatException for what is no trace
     */
    public static List<byte[]> of(TraceSource source, List<Operation> vocabulary, int longest)
            throws TraceFormatException, IOException {
        LifeSeed seed = new LifeSeed(vocabulary, longest);
        BatchReader record = new BatchReader();
        while (source.nextBatch()) {
            record.wrap(source.batch(), 0, source.lengthBytes());
            while (record.next()) {
                seed.take(record);
            }
        }
        seed.cut();
        return seed.pieces;
    }

    private void cut() {
        if (piece.length() > 0) {
            pieces.add(piece.bytes());
        }
        piece = new ProgramWriter(vocabulary);
    }

    private ProgramWriter next() {
        if (piece.length() > longest / 2) {
            cut();
            if (virtio) {
                piece.setUp(features, packed ? 1 : 0);
            }
        }
        return piece;
    }

    private void take(BatchReader record) {
        if (record.type() == RecordType.CALL) {
            DeviceCall call = DeviceCall.of(record.method());
            time(record.nowNs());
            if (call != null) {
                call(call, record);
            }
        } else if (record.type() == RecordType.CALL_BYTES && !virtio && record.bytesLength() > 0) {
            next().input(queue, bytes(record));
        } else if (record.type() == RecordType.MEMORY_READ
                && queue >= 0
                && virtio
                && record.bytesLength() > WORD_BYTES) {
            offer(bytes(record));
        }
    }

    private static byte[] bytes(BatchReader record) {
        byte[] bytes = new byte[Math.min(record.bytesLength(), MOST_LOOKED_AT)];
        record.buffer().getBytes(record.bytesOffset(), bytes);
        return bytes;
    }

    private void time(long newNowNs) {
        if (newNowNs != 0) {
            if (nowNs != 0 && newNowNs - nowNs > LONG_ENOUGH_NS) {
                next().sleep(newNowNs - nowNs);
            }
            nowNs = newNowNs;
        }
    }

    private void call(DeviceCall call, BatchReader record) {
        int region = (int) record.a();
        int width = (int) (record.a() >>> 32);
        int offset = (int) record.b();
        switch (call) {
            case READ -> {
                if (!virtio || offset >= DEVICE_CONFIG) {
                    next().read(region, offset, width);
                }
            }
            case WRITE -> write(region, offset, width, record.c());
            case KICK -> queue = (int) record.a() & 0xFF;
            case RESET -> next().plain(Operation.RESET);
            case RESAMPLE -> next().resample((int) record.a());
            case POWER_BUTTON -> plain(Operation.POWER);
            case HOST_INPUT -> next().input((int) record.a(), new byte[] {(byte) record.b()});
            case HOST_INPUT_BYTES -> queue = virtio ? -1 : (int) record.a();
            case HOST_BREAK -> next().line((int) record.a(), 0);
            case HOST_CARRIER -> next().line((int) record.a(), record.b() != 0 ? 1 : 2);
            default -> {
                // of the runtime's own, or what a program brings about by itself
            }
        }
    }

    private void plain(Operation operation) {
        if (vocabulary.contains(operation)) {
            next().plain(operation);
        }
    }

    private void write(int region, int offset, int width, long value) {
        if (!virtio || offset >= VIRTIO_SETUP) {
            next().write(region, offset, width, value);
            return;
        }
        if (offset == DRIVER_FEATURE_SELECT) {
            featureSelect = (int) value;
        } else if (offset == DRIVER_FEATURE && featureSelect == 0) {
            features = value;
        } else if (offset == DRIVER_FEATURE && featureSelect == 1) {
            packed = (value & RING_PACKED) != 0;
        } else if (offset == 0x14 && (value & 4) != 0) {
            next().setUp(features, packed ? 1 : 0);
        }
    }

    /** A buffer that the device reads, and room for whatever it answers. */
    private void offer(byte[] data) {
        int[] buffers = ROOM.clone();
        buffers[1] = data.length;
        next().offer(queue, KICK, buffers, data);
    }
}
