package io.jvmm.fuzz.machine;

import io.jvmm.device.api.trace.DeviceCall;
import io.jvmm.fuzz.program.Operation;
import io.jvmm.fuzz.program.ProgramWriter;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.message.Visible;
import io.jvmm.ipc.trace.BatchReader;
import io.jvmm.ipc.trace.LifeSummary;
import io.jvmm.ipc.trace.LifeText;
import io.jvmm.ipc.trace.RecordType;
import io.jvmm.ipc.trace.TraceFormatException;
import io.jvmm.ipc.trace.TraceSource;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Programs out of a recorded life: what a real guest did, in pieces. Register accesses, time and the host's streams are taken over as they were; of virtqueues it is the
 * chains ({@link ChainSeed}), for a real guest's memory is larger than that of a fuzz machine; what the host did and answered the {@link HostModel} says in its own words.
 */
public final class LifeSeed implements HostModel.Script {
    private static final int COMMON_LENGTH = 0x40;
    private static final int DEVICE_CONFIG = 0x2000;
    private static final int DRIVER_FEATURE_SELECT = 0x08;
    private static final int DRIVER_FEATURE = 0x0C;
    private static final int DEVICE_STATUS = 0x14;
    private static final int DRIVER_OK = 4;
    private static final int RING_PACKED = 1 << 2;
    private static final long LONG_ENOUGH_NS = 50_000_000;
    private static final int MOST_BYTES = 128;

    private final List<Operation> vocabulary;
    private final HostModel host;
    private final int longest;
    private final boolean virtio;
    private final List<byte[]> pieces = new ArrayList<>();
    private final ByteArrayOutputStream answers = new ByteArrayOutputStream();
    private final ChainSeed chains = new ChainSeed();
    private ProgramWriter piece;
    private int begun;
    private boolean isSetUp;
    private long nowNs;
    private long sleptNs;
    private long features = 0xFFFF_FFFFL;
    private int featureSelect;
    private boolean packed;
    private int port;

    private LifeSeed(List<Operation> vocabulary, HostModel host, int longest) {
        this.vocabulary = vocabulary;
        this.host = host;
        this.longest = longest;
        this.virtio = vocabulary.contains(Operation.OFFER);
        this.piece = new ProgramWriter(vocabulary);
    }

    /**
     * The pieces of a life.
     *
     * @param device the class whose life it must be
     * @param longest in bytes
     * @throws TraceFormatException for what is no trace, or that of another class
     */
    public static List<byte[]> of(
            TraceSource source, String device, List<Operation> vocabulary, HostModel host, int longest)
            throws TraceFormatException, IOException {
        LifeSeed seed = new LifeSeed(vocabulary, host, longest);
        BatchReader record = new BatchReader();
        LifeSummary summary = new LifeSummary();
        while (source.nextBatch()) {
            record.wrap(source.batch(), 0, source.lengthBytes());
            while (record.next()) {
                summary.add(record);
                seed.take(record);
            }
        }
        LifeText life = summary.life();
        String whose = life == null ? "nobody" : life.find(LifeText.DEVICE).orElse("nobody");
        if (!whose.equals(device)) {
            throw new TraceFormatException("a life of " + Visible.of(whose) + ", not of " + device);
        }
        seed.chain();
        seed.cut();
        return seed.pieces;
    }

    private void cut() {
        if (piece.length() > begun) {
            pieces.add(piece.bytes());
        }
        piece = new ProgramWriter(vocabulary);
        begun = 0;
    }

    private ProgramWriter next() {
        if (piece.length() > longest / 4) {
            cut();
            if (isSetUp) {
                piece.setUp(features, packed ? 1 : 0);
                begun = piece.length();
            }
        }
        if (sleptNs > LONG_ENOUGH_NS) {
            piece.sleep(sleptNs);
        }
        sleptNs = 0;
        if (answers.size() > 0) {
            piece.answer(answers.toByteArray());
            answers.reset();
        }
        return piece;
    }

    private void take(BatchReader record) {
        switch (record.type()) {
            case CALL -> {
                chain();
                chains.forget();
                time(record.nowNs());
                DeviceCall call = DeviceCall.of(record.method());
                if (call == null) {
                    host.recall(RecordType.CALL, record.method(), record.a(), record.b(), record.c(), this);
                } else {
                    call(call, record);
                }
            }
            case CALL_BYTES -> {
                if (record.bytesLength() > 0) {
                    next().input(port, bytes(record));
                }
            }
            case MEMORY_READ -> {
                if (virtio && chains.begins(record.value(), record.bytesLength())) {
                    chain();
                }
                chains.read(record.value(), bytes(record));
            }
            case ANSWER -> host.recall(record.type(), record.method(), record.value(), 0, 0, this);
            case ANSWER_BYTES -> host.recallBytes(record.method(), bytes(record), this);
            case OUTPUT -> host.recall(record.type(), record.method(), record.a(), record.b(), record.c(), this);
            default -> {
                // what the device brings about by itself
            }
        }
    }

    /** The chain that is in hand is whole: it is offered. */
    private void chain() {
        if (chains.isWhole() && isSetUp) {
            chains.offer(next());
        }
    }

    private static byte[] bytes(BatchReader record) {
        byte[] bytes = new byte[Math.min(record.bytesLength(), MOST_BYTES)];
        record.buffer().getBytes(record.bytesOffset(), bytes);
        return bytes;
    }

    private void time(long newNowNs) {
        if (newNowNs != 0) {
            sleptNs += nowNs == 0 ? 0 : Math.max(0, newNowNs - nowNs);
            nowNs = newNowNs;
        }
    }

    // ---- what a model says

    @Override
    public void answer(int value) {
        answers.write(value);
    }

    @Override
    public void event(int what, int which) {
        next().event(what, which & 0xFFFF);
    }

    // ---- calls of the runtime

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
            case KICK -> chains.kick();
            case RESET -> next().plain(Operation.RESET);
            case RESAMPLE -> next().resample((int) record.a());
            case POWER_BUTTON -> plain(Operation.POWER);
            case HOST_INPUT -> next().input((int) record.a(), new byte[] {(byte) record.b()});
            case HOST_INPUT_BYTES -> port = (int) record.a();
            case HOST_BREAK -> next().line((int) record.a(), 0);
            case HOST_CARRIER -> next().line((int) record.a(), record.b() != 0 ? 1 : 2);
            case HOST_REQUEST -> {
                if (virtio) {
                    boolean resize = record.a() == SupervisorRequestType.RESIZE.number();
                    next().request(resize ? 0 : 1, record.b());
                }
            }
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
        if (!virtio || offset >= COMMON_LENGTH) {
            next().write(region, offset, width, value);
            return;
        }
        chains.register(offset, width, value);
        if (offset == DRIVER_FEATURE_SELECT) {
            featureSelect = (int) value;
        } else if (offset == DRIVER_FEATURE && featureSelect == 0) {
            features = value;
        } else if (offset == DRIVER_FEATURE && featureSelect == 1) {
            packed = (value & RING_PACKED) != 0;
            chains.packed(packed);
        } else if (offset == DEVICE_STATUS && (value & DRIVER_OK) != 0 && !isSetUp) {
            isSetUp = true;
            next().setUp(features, packed ? 1 : 0);
        } else if (offset == DEVICE_STATUS && value == 0) {
            if (isSetUp) {
                next().write(region, offset, width, value);
            }
            isSetUp = false;
        }
    }
}
