package io.jvmm.device.platform;

import io.jvmm.device.api.DeviceEffects;
import io.jvmm.ipc.memory.GuestMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import org.agrona.concurrent.AtomicBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * QEMU's firmware configuration device (docs/specs/fw_cfg) at ports 510 to 51B, which SeaBIOS, U-Boot and Linux know: a selector,
 * a data register, and DMA. Everything in it is to be read; whoever writes is told that it failed.
 *
 * <pre>
 *   window   0 selector, 16 bits   1 data   4 DMA address, upper half   8 lower half, starts it   (both big-endian)
 *   state    | u16 selector | u16 0 | u32 offset | u32 dmaHigh | u32 0 |
 *   request  | be32 control | be32 length | be64 address |
 * </pre>
 *
 * <p>The guest is hostile: a request may lie anywhere, ask for anything and change while it is looked at; it is read once, and a
 * transfer that is longer than {@link #MOST_DMA_BYTES} or leaves guest memory is refused. Device thread; allocates nothing.
 */
final class FwCfg {
    static final int SELECTOR = 0;
    static final int DATA = 1;
    static final int DMA_HIGH = 4;
    static final int DMA_LOW = 8;
    static final int WINDOW_BYTES = 12;

    /** Length of its part of the state. */
    static final int STATE_BYTES = 16;

    static final int CONTROL_ERROR = 1;
    static final int CONTROL_READ = 2;
    static final int CONTROL_SKIP = 4;
    static final int CONTROL_SELECT = 8;
    static final int CONTROL_WRITE = 16;

    /** Far more than any item has; what is asked for beyond the item is zeros, and takes time. */
    static final int MOST_DMA_BYTES = 16 << 20;

    private static final int STATE_SELECTOR = 0;
    private static final int STATE_OFFSET = 4;
    private static final int STATE_DMA_HIGH = 8;

    /** Writing to an item is asked for in the selector, too, and makes no other item of it. */
    private static final int KEY_MASK = 0xBFFF;

    private static final int REQUEST_BYTES = 16;
    private static final int CHUNK_BYTES = 4096;
    private static final long DMA_SIGNATURE = 0x5145_4D55_2043_4647L; // "QEMU CFG"
    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

    private final AtomicBuffer state;
    private final int base;
    private final FwCfgItems items;
    private final GuestMemory memory;
    private final DeviceEffects effects;
    private final MemorySegment chunk = Arena.ofAuto().allocate(CHUNK_BYTES);
    private final UnsafeBuffer chunkView = new UnsafeBuffer(chunk.address(), CHUNK_BYTES);

    /** @param base where its {@link #STATE_BYTES} begin in {@code state} */
    FwCfg(AtomicBuffer state, int base, FwCfgItems items, GuestMemory memory, DeviceEffects effects) {
        this.state = state;
        this.base = base;
        this.items = items;
        this.memory = memory;
        this.effects = effects;
    }

    /** Power-on and machine reset. */
    void reset() {
        state.setMemory(base, STATE_BYTES, (byte) 0);
    }

    /** Whether a process of ours can have left this state: any selector, any offset, and zeros between. */
    static boolean isSane(AtomicBuffer state, int base) {
        return state.getShort(base + STATE_SELECTOR + Short.BYTES) == 0
                && state.getInt(base + STATE_DMA_HIGH + Integer.BYTES) == 0
                && state.getInt(base + STATE_OFFSET, LE) >= 0;
    }

    // ---- registers

    /** A read of the window; the data register gives as many bytes as it is wide, in their order. */
    long read(int offset, int widthBytes) {
        if (offset == DATA) {
            long value = 0;
            for (int i = 0; i < widthBytes; i++) {
                value |= (long) next() << (Byte.SIZE * i);
            }
            return value;
        }
        if (offset >= DMA_HIGH) {
            return Long.reverseBytes(DMA_SIGNATURE) >>> (Byte.SIZE * (offset - DMA_HIGH));
        }
        return 0; // the selector is to be written only
    }

    /** A write to the window, in the widths that the registers have; writes to the data register do nothing. */
    void write(int offset, int widthBytes, long value) {
        if (offset == SELECTOR && widthBytes == Short.BYTES) {
            select((int) value & 0xFFFF);
        } else if (offset == DMA_HIGH && widthBytes == Long.BYTES) {
            start(Long.reverseBytes(value));
        } else if (offset == DMA_HIGH && widthBytes == Integer.BYTES) {
            state.putInt(base + STATE_DMA_HIGH, Integer.reverseBytes((int) value), LE);
        } else if (offset == DMA_LOW && widthBytes == Integer.BYTES) {
            long high = Integer.toUnsignedLong(state.getInt(base + STATE_DMA_HIGH, LE));
            start(high << Integer.SIZE | Integer.toUnsignedLong(Integer.reverseBytes((int) value)));
        }
    }

    private void select(int selector) {
        state.putShort(base + STATE_SELECTOR, (short) selector, LE);
        state.putInt(base + STATE_OFFSET, 0, LE);
    }

    private int key() {
        return state.getShort(base + STATE_SELECTOR, LE) & KEY_MASK;
    }

    /** How much of the item is behind the offset. */
    private int left() {
        return Math.max(items.length(key()) - state.getInt(base + STATE_OFFSET, LE), 0);
    }

    /** Never beyond the item: there nothing but zeros comes, wherever one is. */
    private void skip(long bytes) {
        int offset = state.getInt(base + STATE_OFFSET, LE);
        state.putInt(base + STATE_OFFSET, offset + (int) Math.min(bytes, left()), LE);
    }

    private int next() {
        if (left() == 0) {
            return 0;
        }
        items.copy(key(), state.getInt(base + STATE_OFFSET, LE), chunkView, 0, 1);
        skip(1);
        return chunkView.getByte(0) & 0xFF;
    }

    // ---- DMA

    private void start(long address) {
        state.putInt(base + STATE_DMA_HIGH, 0, LE);
        long request = memory.resolve(address, REQUEST_BYTES);
        if (request == GuestMemory.INVALID) {
            effects.guestError(PlatformError.FW_CFG_REQUEST.code, address);
            return;
        }
        int control = Integer.reverseBytes(memory.get32At(request));
        int length = Integer.reverseBytes(memory.get32At(request + Integer.BYTES));
        long target = Long.reverseBytes(memory.get64At(request + Long.BYTES));
        boolean done = carryOut(control, length, target);
        memory.put32At(request, done ? 0 : Integer.reverseBytes(CONTROL_ERROR));
    }

    private boolean carryOut(int control, int length, long target) {
        if ((control & CONTROL_SELECT) != 0) {
            select(control >>> Short.SIZE);
        }
        if ((control & CONTROL_READ) != 0) {
            return transfer(length, target);
        }
        if ((control & CONTROL_WRITE) != 0) {
            return false; // every item is to be read only
        }
        if ((control & CONTROL_SKIP) != 0) {
            skip(Integer.toUnsignedLong(length));
        }
        return true;
    }

    /** Copies from where the offset is; behind the item come zeros. */
    private boolean transfer(int length, long target) {
        if (length == 0) {
            return true;
        }
        long at = memory.resolve(target, Integer.toUnsignedLong(length));
        if (at == GuestMemory.INVALID || length < 0 || length > MOST_DMA_BYTES) {
            effects.guestError(PlatformError.FW_CFG_REQUEST.code, target);
            return false;
        }
        int done = 0;
        while (done < length) {
            int part = Math.min(length - done, CHUNK_BYTES);
            int present = Math.min(part, left());
            if (present > 0) {
                items.copy(key(), state.getInt(base + STATE_OFFSET, LE), chunkView, 0, present);
                skip(present);
            }
            chunkView.setMemory(present, part - present, (byte) 0);
            memory.copyInAt(at + done, chunk, 0, part);
            done += part;
        }
        return true;
    }
}
