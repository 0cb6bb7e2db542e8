package io.jvmm.device.api;

import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.memory.MemoryTap;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Guest memory by hand: written and shown, and places in it whose bytes are others at each read, as a hostile guest's other processor makes them.
 * The device sees the memory through this tap.
 */
final class ScriptMemory implements MemoryTap {
    private static final int ROW_BYTES = 16;

    private final GuestMemory memory;
    private final List<Toggle> toggles = new ArrayList<>();

    /** Bytes that change: the first read gets {@code first}, the next {@code second}, the one after {@code first}. */
    private static final class Toggle {
        final long offset;
        final byte[] first;
        final byte[] second;
        long reads;

        Toggle(long offset, byte[] first, byte[] second) {
            this.offset = offset;
            this.first = first;
            this.second = second;
        }

        /** What a read gets that begins now. */
        byte[] next() {
            return (reads++ & 1) == 0 ? first : second;
        }

        boolean overlaps(long from, long lengthBytes) {
            return from < offset + first.length && offset < from + lengthBytes;
        }
    }

    ScriptMemory(GuestMemory memory) {
        this.memory = memory;
    }

    /** Writes bytes, and ends what was toggled there. */
    void write(long address, byte[] bytes) throws ScriptException {
        long offset = resolve(address, bytes.length);
        toggles.removeIf(t -> t.overlaps(offset, bytes.length));
        for (int i = 0; i < bytes.length; i++) {
            memory.put8(address + i, bytes[i]);
        }
    }

    /** Has bytes change at each read from now on. */
    void toggle(long address, byte[] first, byte[] second) throws ScriptException {
        if (first.length != second.length) {
            throw ScriptException.wrong("there are " + first.length + " bytes before the / and " + second.length
                    + " behind it; both have the same length");
        }
        write(address, first);
        toggles.add(new Toggle(resolve(address, first.length), first, second));
    }

    /** The bytes as they lie there. */
    byte[] read(long address, long lengthBytes) throws ScriptException {
        resolve(address, lengthBytes);
        byte[] bytes = new byte[(int) lengthBytes];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = memory.get8(address + i, (byte) 0);
        }
        return bytes;
    }

    private long resolve(long address, long lengthBytes) throws ScriptException {
        long offset =
                lengthBytes <= 0 || lengthBytes > memory.lengthBytes() ? -1 : memory.resolve(address, lengthBytes);
        if (offset < 0) {
            throw ScriptException.wrong(
                    "there is no such memory: it has " + Long.toHexString(memory.lengthBytes()) + " bytes from 0 on");
        }
        return offset;
    }

    /** Prints bytes in rows, with the characters that they may be. */
    void show(long address, long lengthBytes, Consumer<String> lines) throws ScriptException {
        byte[] bytes = read(address, lengthBytes);
        for (int row = 0; row < bytes.length; row += ROW_BYTES) {
            StringBuilder hex = new StringBuilder();
            StringBuilder text = new StringBuilder();
            for (int i = row; i < Math.min(row + ROW_BYTES, bytes.length); i++) {
                hex.append(i % 8 == 0 && i > row ? "  " : " ").append(String.format("%02x", bytes[i]));
                text.append(bytes[i] >= ' ' && bytes[i] < 0x7F ? (char) bytes[i] : '.');
            }
            lines.accept(String.format("%06x %-49s %s", address + row, hex, text));
        }
    }

    // ---- what the device does

    @Override
    public boolean memoryIsLive() {
        return true;
    }

    @Override
    public long read(long offset, int widthBytes, long value) {
        long seen = value;
        for (Toggle toggle : toggles) {
            if (toggle.overlaps(offset, widthBytes)) {
                byte[] bytes = toggle.next();
                for (int i = 0; i < widthBytes; i++) {
                    long at = offset + i - toggle.offset;
                    if (at >= 0 && at < bytes.length) {
                        long mask = 0xFFL << (Byte.SIZE * i);
                        seen = (seen & ~mask) | (bytes[(int) at] & 0xFFL) << (Byte.SIZE * i);
                    }
                }
            }
        }
        return seen;
    }

    @Override
    public void copiedOut(long offset, MemorySegment target, long targetOffset, long lengthBytes) {
        for (Toggle toggle : toggles) {
            if (toggle.overlaps(offset, lengthBytes)) {
                byte[] bytes = toggle.next();
                for (int i = 0; i < bytes.length; i++) {
                    long at = toggle.offset + i - offset;
                    if (at >= 0 && at < lengthBytes) {
                        target.set(ValueLayout.JAVA_BYTE, targetOffset + at, bytes[i]);
                    }
                }
            }
        }
    }

    @Override
    public void written(long offset, int widthBytes, long value) {
        // What the device writes lies in the memory itself.
    }

    @Override
    public void copiedIn(long offset, MemorySegment source, long sourceOffset, long lengthBytes) {
        // As above.
    }

    @Override
    public long discarded(long offset, long lengthBytes, long result) {
        return result;
    }
}
