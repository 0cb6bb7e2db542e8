package io.jvmm.fuzz.parser;

import io.jvmm.fuzz.engine.FuzzTarget;
import io.jvmm.fuzz.machine.FindingException;
import io.jvmm.ipc.message.DeviceEventAdapter;
import io.jvmm.ipc.message.DeviceEventHandler;
import io.jvmm.ipc.message.DeviceRequestAdapter;
import io.jvmm.ipc.message.DeviceRequestLayout;
import io.jvmm.ipc.message.PowerAction;
import io.jvmm.ipc.message.PowerOrigin;
import io.jvmm.ipc.message.SupervisorEventAdapter;
import io.jvmm.ipc.message.SupervisorEventHandler;
import io.jvmm.ipc.message.SupervisorRequestAdapter;
import io.jvmm.ipc.ring.HardenedReader;
import io.jvmm.ipc.ring.IpcRingLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * The hardened reader and the four adapters over a ring whose bytes are the input: the first one says which adapter and where the reader resumes, the rest is the
 * ring. A reader ends by itself, looks at no byte outside, and hands on only what the protocol allows. Or the producer is dead, and there is no adapter: the
 * records are taken as the recorder takes them, and then what was never finished.
 */
public final class RingTarget implements FuzzTarget {
    private static final int CAPACITY = 1024;
    private static final int MOST_MESSAGE = 512;
    private static final int MOST_RECORDS = CAPACITY / 8 + 1;

    /** In the first byte: the producer is dead. */
    private static final int DEAD = 0x80;

    private final UnsafeBuffer ring =
            new UnsafeBuffer(BufferUtil.allocateDirectAligned(CAPACITY + IpcRingLayout.TRAILER_LENGTH_BYTES, 128));

    private final DeviceEventHandler deviceEvents = new DeviceEventHandler() {
        @Override
        public void configChanged(int function, int generation) {
            check(function >= 0 && function <= 255, "function", function);
        }

        @Override
        public void needsReset(int function, int reason) {
            check(function >= 0 && function <= 255, "function", function);
        }

        @Override
        public void guestError(int code, long detail) {
            // any is one
        }

        @Override
        public void power(PowerAction action, PowerOrigin origin) {
            // the types say all
        }
    };

    private final SupervisorEventHandler supervisorEvents = new SupervisorEventHandler() {};

    @Override
    public void run(byte[] input) {
        int how = input.length > 0 ? input[0] : 0;
        ring.setMemory(0, ring.capacity(), (byte) 0);
        int length = Math.min(Math.max(0, input.length - 1), ring.capacity());
        ring.putBytes(0, input, Math.min(1, input.length), length);
        if (length <= CAPACITY) {
            ring.putLong(CAPACITY + IpcRingLayout.TAIL_OFFSET, length + 7 & -8);
        }
        long resume = (how & 0x7C) == 0 ? 0 : (how & 0x7C) << 3;
        HardenedReader reader = new HardenedReader(ring, MOST_MESSAGE, resume);
        if ((how & DEAD) != 0) {
            leftByTheDead(reader);
            return;
        }
        int records = switch (how & 3) {
            case 0 -> deviceRequests(reader);
            case 1 -> supervisorRequests(reader);
            case 2 -> {
                DeviceEventAdapter adapter = new DeviceEventAdapter(reader);
                yield adapter.poll(deviceEvents, MOST_RECORDS) + adapter.poll(deviceEvents, MOST_RECORDS);
            }
            default -> {
                SupervisorEventAdapter adapter = new SupervisorEventAdapter(reader);
                yield adapter.poll(supervisorEvents, MOST_RECORDS) + adapter.poll(supervisorEvents, MOST_RECORDS);
            }
        };
        check(records <= MOST_RECORDS, "records in a ring of " + CAPACITY + " bytes:", records);
    }

    private static int deviceRequests(HardenedReader reader) {
        DeviceRequestAdapter adapter = new DeviceRequestAdapter(reader, 4);
        int count = 0;
        while (count <= MOST_RECORDS && adapter.next()) {
            check(adapter.vcpu() >= 0 && adapter.vcpu() < 4, "vcpu", adapter.vcpu());
            check(adapter.offset() >= 0, "offset", adapter.offset());
            check(
                    adapter.region() >= 0 && adapter.region() <= DeviceRequestLayout.MAX_REGION,
                    "region",
                    adapter.region());
            reader.release();
            count++;
        }
        return count;
    }

    private static int supervisorRequests(HardenedReader reader) {
        SupervisorRequestAdapter adapter = new SupervisorRequestAdapter(reader);
        int count = 0;
        while (count <= MOST_RECORDS && adapter.next()) {
            reader.release();
            count++;
        }
        return count;
    }

    private void leftByTheDead(HardenedReader reader) {
        int records = 0;
        while (records <= MOST_RECORDS && reader.next()) {
            take(reader);
            records++;
        }
        check(records <= MOST_RECORDS, "records of a dead process:", records);
        long from = reader.expectedPosition();
        boolean severed = reader.violation() != null;
        for (int turn = 0; reader.nextUnfinished(); turn++) {
            check(!severed, "an unfinished record behind a violation at", reader.position());
            check(turn < MOST_RECORDS, "unfinished records of a dead process:", turn);
            check(reader.position() == from, "an unfinished record elsewhere:", reader.position());
            check(ring.getInt((int) from & CAPACITY - 1) < 0, "an unfinished record that is finished at", from);
            from = take(reader);
        }
        check(severed || reader.violation() == null, "an unfinished record severs at", from);
    }

    /** What the reader holds, as whoever writes it down reads it; returns where the next record would begin. */
    private static long take(HardenedReader reader) {
        check(reader.type() > 0, "type", reader.type());
        check(reader.length() >= 0 && reader.length() <= MOST_MESSAGE, "length", reader.length());
        reader.message().checkLimit(reader.length());
        long index = reader.position() & CAPACITY - 1;
        check(
                index + IpcRingLayout.recordBytes(reader.length()) <= CAPACITY,
                "a record goes round the ring from",
                index);
        long after = reader.positionAfter();
        reader.release();
        check(reader.heldBytes() == 0, "bytes held after all was given back:", reader.heldBytes());
        check(
                reader.violation() != null || reader.expectedPosition() == after,
                "expects at",
                reader.expectedPosition());
        return after;
    }

    private static void check(boolean holds, String what, long found) {
        if (!holds) {
            throw new FindingException(what + " " + found);
        }
    }

    @Override
    public List<byte[]> seeds() {
        return List.of(
                record((byte) 0, 1, 40),
                record((byte) 0, 3, 24),
                record((byte) 1, 1, 16),
                record((byte) 2, 1, 16),
                record((byte) 3, 3, 64),
                unfinished(record((byte) DEAD, 1, 96)),
                unfinished(record((byte) DEAD, 7, 8)));
    }

    /** The second one was begun and never finished. */
    private static byte[] unfinished(byte[] two) {
        ByteBuffer ring = ByteBuffer.wrap(two).order(ByteOrder.LITTLE_ENDIAN);
        int second = 1 + IpcRingLayout.recordBytes(ring.getInt(1) - IpcRingLayout.RECORD_HEADER_BYTES);
        ring.putInt(second, -ring.getInt(second));
        return two;
    }

    /** Two of a kind. */
    private static byte[] record(byte how, int type, int message) {
        int bytes = IpcRingLayout.recordBytes(message);
        ByteBuffer ring = ByteBuffer.allocate(1 + 2 * bytes).order(ByteOrder.LITTLE_ENDIAN);
        ring.put(how);
        for (int i = 0; i < 2; i++) {
            int at = 1 + i * bytes;
            ring.putInt(at, message + IpcRingLayout.RECORD_HEADER_BYTES).putInt(at + Integer.BYTES, type);
            ring.put(at + IpcRingLayout.RECORD_HEADER_BYTES, (byte) 1);
        }
        return ring.array();
    }
}
