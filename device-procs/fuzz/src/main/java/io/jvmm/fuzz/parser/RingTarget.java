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
 * ring. A reader ends by itself, looks at no byte outside, and hands on only what the protocol allows.
 */
public final class RingTarget implements FuzzTarget {
    private static final int CAPACITY = 1024;
    private static final int MOST_MESSAGE = 512;
    private static final int MOST_RECORDS = CAPACITY / 8 + 1;

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
                record((byte) 3, 3, 64));
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
