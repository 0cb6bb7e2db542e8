package io.jvmm.device.platform;

import io.jvmm.ipc.trace.Tape;
import java.nio.ByteOrder;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * What the firmware configuration device has to tell, by key (QEMU, docs/specs/fw_cfg: the items; linux/qemu_fw_cfg.h: their numbers).
 * The files come from the board, in memory that it shares:
 *
 * <pre>
 *   0                 8            12           16
 *   | u64 "JVMMFWCF"  | version 1  | count n    | n times {name, 56 bytes, zero-padded; u32 offset; u32 length} | contents
 * </pre>
 *
 * <p>That memory is not trusted, and may change: names, places and lengths are read once, checked and kept; contents are read when
 * firmware asks, and are whatever they are. The table counts up to the first entry that cannot be: one that is cut off, of bytes that
 * are not there, without a name, or with the name of another (QEMU has no two files of a name). Device thread; allocates nothing after
 * construction.
 */
final class FwCfgItems {
    static final int SIGNATURE = 0x00;
    static final int ID = 0x01;
    static final int RAM_SIZE = 0x03;
    static final int NB_CPUS = 0x05;
    static final int MAX_CPUS = 0x0F;
    static final int FILE_DIR = 0x19;
    static final int FILE_FIRST = 0x20;

    /** Most files there are keys for. */
    static final int MAX_FILES = 32;

    static final int NAME_BYTES = 56;
    static final int DIRECTORY_ENTRY_BYTES = 64;

    private static final long MAGIC = 0x4643_5746_4D4D_564AL;
    private static final int VERSION = 1;
    private static final int COUNT = 12;
    private static final int HEADER_BYTES = 16;
    private static final int ENTRY_BYTES = NAME_BYTES + 2 * Integer.BYTES;

    /** Bit 0: registers, bit 1: DMA. */
    private static final int FEATURES = 3;

    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
    private static final ByteOrder BE = ByteOrder.BIG_ENDIAN;

    private final UnsafeBuffer signature = new UnsafeBuffer(new byte[] {'Q', 'E', 'M', 'U'});
    private final UnsafeBuffer id = number(Integer.BYTES, FEATURES);
    private final UnsafeBuffer ramSize;
    private final UnsafeBuffer cpus;
    private final UnsafeBuffer directory =
            new UnsafeBuffer(new byte[Integer.BYTES + MAX_FILES * DIRECTORY_ENTRY_BYTES]);
    private final UnsafeBuffer table = new UnsafeBuffer(new byte[HEADER_BYTES + MAX_FILES * ENTRY_BYTES]);
    private DirectBuffer files = new UnsafeBuffer(new byte[0]);
    private int filesLength;
    private @Nullable Tape tape;
    private final int[] offsets = new int[MAX_FILES];
    private final int[] lengths = new int[MAX_FILES];
    private int count;
    private boolean looked;

    /** Items of a machine, without files as yet. */
    FwCfgItems(long memoryBytes, int vcpus) {
        this.ramSize = number(Long.BYTES, memoryBytes);
        this.cpus = number(Short.BYTES, vcpus);
    }

    /**
     * Where the files are, as drawn above, perhaps not written yet; before anything is asked for.
     *
     * @param lengthBytes of all of it
     * @param tape what is read there goes on the tape; in a replay there is nothing to read. Null: neither
     */
    void attach(DirectBuffer packed, int lengthBytes, @Nullable Tape tape) {
        files = packed;
        filesLength = lengthBytes;
        this.tape = tape;
        looked = false;
        count = 0;
        directory.setMemory(0, directory.capacity(), (byte) 0);
    }

    private static UnsafeBuffer number(int bytes, long value) {
        UnsafeBuffer buffer = new UnsafeBuffer(new byte[Long.BYTES]);
        buffer.putLong(0, value, LE);
        return new UnsafeBuffer(buffer, 0, bytes);
    }

    /** Length of an item in bytes; 0 for one that is not there. */
    int length(int key) {
        look();
        return switch (key) {
            case SIGNATURE -> signature.capacity();
            case ID -> id.capacity();
            case RAM_SIZE -> ramSize.capacity();
            case NB_CPUS, MAX_CPUS -> cpus.capacity();
            case FILE_DIR -> Integer.BYTES + count * DIRECTORY_ENTRY_BYTES;
            default -> isFile(key) ? lengths[key - FILE_FIRST] : 0;
        };
    }

    /** Copies from an item; the range lies inside {@link #length}. */
    void copy(int key, int offset, MutableDirectBuffer into, int intoOffset, int lengthBytes) {
        switch (key) {
            case SIGNATURE -> into.putBytes(intoOffset, signature, offset, lengthBytes);
            case ID -> into.putBytes(intoOffset, id, offset, lengthBytes);
            case RAM_SIZE -> into.putBytes(intoOffset, ramSize, offset, lengthBytes);
            case NB_CPUS, MAX_CPUS -> into.putBytes(intoOffset, cpus, offset, lengthBytes);
            case FILE_DIR -> into.putBytes(intoOffset, directory, offset, lengthBytes);
            default -> {
                if (isFile(key)) {
                    fetch(PlatformCall.FILE, offsets[key - FILE_FIRST] + offset, into, intoOffset, lengthBytes);
                }
            }
        }
    }

    private boolean isFile(int key) {
        return key >= FILE_FIRST && key < FILE_FIRST + count;
    }

    /** The board writes the files before the guest runs, and so before anybody asks here; a second look would trust it twice. */
    private void look() {
        if (looked) {
            return;
        }
        looked = true;
        int tableBytes = Math.min(filesLength, table.capacity());
        if (tableBytes < HEADER_BYTES) {
            return;
        }
        fetch(PlatformCall.FILE_TABLE, 0, table, 0, tableBytes);
        if (table.getLong(0, LE) != MAGIC || table.getInt(Long.BYTES, LE) != VERSION) {
            return;
        }
        int listed = table.getInt(COUNT, LE);
        for (int i = 0; i < listed && i < MAX_FILES; i++) {
            int entry = HEADER_BYTES + i * ENTRY_BYTES;
            if (entry > tableBytes - ENTRY_BYTES) {
                break;
            }
            long offset = Integer.toUnsignedLong(table.getInt(entry + NAME_BYTES, LE));
            long length = Integer.toUnsignedLong(table.getInt(entry + NAME_BYTES + Integer.BYTES, LE));
            if (offset + length > filesLength || !isNameOfItsOwn(entry)) {
                break;
            }
            list(entry, (int) offset, (int) length);
        }
        directory.putInt(0, count, BE);
    }

    /** Whether an entry has a name, and none that is listed already. */
    private boolean isNameOfItsOwn(int entry) {
        if (table.getByte(entry) == 0) {
            return false;
        }
        for (int i = 0; i < count; i++) {
            if (isSameName(entry, Integer.BYTES + i * DIRECTORY_ENTRY_BYTES + Long.BYTES)) {
                return false;
            }
        }
        return true;
    }

    /** Up to the zero; the last byte does not count, for there is one. */
    private boolean isSameName(int entry, int listed) {
        for (int i = 0; i < NAME_BYTES - 1; i++) {
            byte letter = table.getByte(entry + i);
            if (letter != directory.getByte(listed + i)) {
                return false;
            }
            if (letter == 0) {
                return true;
            }
        }
        return true;
    }

    /** The board's memory is read once, here. */
    private void fetch(PlatformCall call, int offset, MutableDirectBuffer into, int intoOffset, int lengthBytes) {
        Tape its = tape;
        if (its == null || its.live()) {
            into.putBytes(intoOffset, files, offset, lengthBytes);
        }
        if (its != null) {
            its.answerBytes(call.code(), into, intoOffset, lengthBytes);
        }
    }

    /** {@code struct FWCfgFile}: be32 size, be16 select, be16 reserved, name with a zero behind it. */
    private void list(int entry, int offset, int length) {
        offsets[count] = offset;
        lengths[count] = length;
        int at = Integer.BYTES + count * DIRECTORY_ENTRY_BYTES;
        directory.putInt(at, length, BE);
        directory.putShort(at + Integer.BYTES, (short) (FILE_FIRST + count), BE);
        directory.putBytes(at + Long.BYTES, table, entry, NAME_BYTES - 1);
        count++;
    }
}
