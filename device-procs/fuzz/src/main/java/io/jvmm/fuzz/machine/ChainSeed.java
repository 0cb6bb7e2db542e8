package io.jvmm.fuzz.machine;

import io.jvmm.fuzz.program.ProgramWriter;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The chains of buffers in a recorded life, put together again from what the device read: descriptors (two words of 8 bytes each, virtio 1.2 §2.7.5, §2.8.8) of the
 * tables that registers told it, indirect tables, and the bytes of buffers that it looked at. Each becomes an OFFER of buffers of the same kinds and lengths.
 */
final class ChainSeed {
    private static final int QUEUE_SELECT = 0x16;
    private static final int QUEUE_SIZE = 0x18;
    private static final int QUEUE_DESC = 0x20;
    private static final int DESCRIPTOR_BYTES = 16;
    private static final int MOST_BUFFERS = 8;
    private static final int MOST_DATA = 128;
    private static final int MOST_LENGTH = 255;
    private static final int MOST_ALIKE = 3;
    private static final int KICK = 1;
    private static final int INDIRECT = 2;
    private static final int LONG = 8;

    private record Buffer(long address, long length, boolean writable) {}

    private static final class Table {
        long address;
        int size = 256;
        int alike;
        String shape = "";

        boolean has(long offset) {
            return address != 0 && offset >= address && offset < address + (long) size * DESCRIPTOR_BYTES;
        }
    }

    private final Map<Integer, Table> tables = new HashMap<>();
    private int selected;
    private boolean packed;

    // the chain in hand
    private final List<Buffer> buffers = new ArrayList<>();
    private final Map<Integer, byte[]> looked = new HashMap<>();
    private int queue = -1;
    private boolean indirect;
    private boolean whole;
    private long indirectAt;
    private long indirectLength;
    private long pendingAt = -1;
    private long pendingWord;
    private boolean kicked;

    void packed(boolean isPacked) {
        packed = isPacked;
    }

    /** The driver writes to the common configuration. */
    void register(int offset, int widthBytes, long value) {
        Table table = tables.computeIfAbsent(selected, number -> new Table());
        switch (offset) {
            case QUEUE_SELECT -> selected = (int) value;
            case QUEUE_SIZE -> table.size = Math.clamp(value, 1, 1024);
            case QUEUE_DESC ->
                table.address =
                        widthBytes == Long.BYTES ? value : (table.address >>> 32 << 32) | (value & 0xFFFF_FFFFL);
            case QUEUE_DESC + 4 -> table.address = (table.address & 0xFFFF_FFFFL) | (value << 32);
            default -> {}
        }
    }

    void kick() {
        kicked = true;
    }

    /** The device reads guest memory; true when that begins another chain, and {@link #offer} has to be asked first. */
    boolean begins(long offset, int lengthBytes) {
        if (lengthBytes != Long.BYTES || isIndirect(offset)) {
            return false;
        }
        return whole && tables.values().stream().anyMatch(table -> table.has(offset));
    }

    private boolean isIndirect(long offset) {
        return indirectLength > 0 && offset >= indirectAt && offset < indirectAt + indirectLength;
    }

    /** The device has read guest memory. */
    void read(long offset, byte[] bytes) {
        if (bytes.length == Long.BYTES && (isIndirect(offset) || tableOf(offset) >= 0)) {
            word(offset, ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong());
            return;
        }
        for (int i = 0; i < buffers.size(); i++) {
            Buffer buffer = buffers.get(i);
            long at = offset - buffer.address;
            if (!buffer.writable && at >= 0 && at < buffer.length && at < MOST_DATA) {
                byte[] known = looked.computeIfAbsent(i, number -> new byte[MOST_DATA]);
                System.arraycopy(bytes, 0, known, (int) at, (int) Math.min(bytes.length, MOST_DATA - at));
            }
        }
    }

    private int tableOf(long offset) {
        for (Map.Entry<Integer, Table> entry : tables.entrySet()) {
            if (entry.getValue().has(offset)) {
                return entry.getKey();
            }
        }
        return -1;
    }

    private void word(long offset, long value) {
        long at = offset & -DESCRIPTOR_BYTES;
        boolean first = (offset & Long.BYTES) == 0;
        if (pendingAt != (at | (first ? Long.BYTES : 0))) { // the other half has not been read, or this one again
            pendingAt = offset;
            pendingWord = value;
            return;
        }
        pendingAt = -1;
        descriptor(at, first ? value : pendingWord, first ? pendingWord : value);
    }

    private void descriptor(long at, long address, long rest) {
        boolean inside = isIndirect(at);
        if (!inside) {
            queue = tableOf(at);
        }
        long length = rest & 0xFFFF_FFFFL;
        int flags = (int) (packed ? rest >>> 48 : rest >>> 32 & 0xFFFF);
        if ((flags & GuestQueue.F_INDIRECT) != 0) {
            indirect = true;
            indirectAt = address;
            indirectLength = length;
            return;
        }
        buffers.add(new Buffer(address, length, (flags & GuestQueue.F_WRITE) != 0));
        boolean more = (packed && inside)
                ? at + DESCRIPTOR_BYTES < indirectAt + indirectLength
                : (flags & GuestQueue.F_NEXT) != 0;
        whole = !more;
    }

    /** The chain in hand as an operation, if there is one; what it was is forgotten. */
    boolean offer(ProgramWriter program) {
        boolean some = whole && queue >= 0 && !buffers.isEmpty() && !repeats();
        if (some) {
            write(program);
        }
        buffers.clear();
        looked.clear();
        whole = false;
        indirect = false;
        indirectLength = 0;
        pendingAt = -1;
        return some;
    }

    /** Whether there is one. */
    boolean isWhole() {
        return whole;
    }

    /** A driver fills its receive queue with hundreds of the same. */
    private boolean repeats() {
        Table table = tables.get(queue);
        if (table == null || !looked.isEmpty()) {
            return false;
        }
        String shape = buffers.stream()
                .map(b -> b.length + (b.writable ? "w" : "r"))
                .toList()
                .toString();
        table.alike = shape.equals(table.shape) ? table.alike + 1 : 0;
        table.shape = shape;
        return table.alike >= MOST_ALIKE;
    }

    /** Another call: what was alike is told again. */
    void forget() {
        tables.values().forEach(table -> table.shape = "");
    }

    private void write(ProgramWriter program) {
        List<Buffer> kept = buffers.size() <= MOST_BUFFERS ? buffers : shortened();
        int[] codes = new int[2 * kept.size()];
        ByteArrayOutputStream data = new ByteArrayOutputStream();
        for (int i = 0; i < kept.size(); i++) {
            Buffer buffer = kept.get(i);
            boolean isLong = buffer.length > MOST_LENGTH;
            int code = (int) (isLong ? Math.min((buffer.length + 63) / 64, MOST_LENGTH) : buffer.length);
            codes[2 * i] = (buffer.writable ? 1 : 0) | (isLong ? LONG : 0);
            codes[2 * i + 1] = code;
            if (!buffer.writable) {
                content(buffer, isLong ? code * 64 : code, data);
            }
        }
        program.offer(queue, (kicked ? KICK : 0) | (indirect ? INDIRECT : 0), codes, trimmed(data.toByteArray()));
        kicked = false;
    }

    private void content(Buffer buffer, int length, ByteArrayOutputStream data) {
        byte @Nullable [] known = looked.get(buffers.indexOf(buffer));
        for (int i = 0; i < length && data.size() <= MOST_LENGTH; i++) {
            data.write(known != null && i < known.length ? known[i] : 0);
        }
    }

    private List<Buffer> shortened() {
        List<Buffer> kept = new ArrayList<>(buffers.subList(0, MOST_BUFFERS - 1));
        kept.add(buffers.getLast());
        return kept;
    }

    /** Memory is zeros anyway. */
    private static byte[] trimmed(byte[] data) {
        int end = Math.min(data.length, MOST_LENGTH);
        while (end > 0 && data[end - 1] == 0) {
            end--;
        }
        byte[] kept = new byte[end];
        System.arraycopy(data, 0, kept, 0, end);
        return kept;
    }
}
