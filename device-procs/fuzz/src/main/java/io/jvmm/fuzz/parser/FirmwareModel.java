package io.jvmm.fuzz.parser;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The firmware configuration device once more, after QEMU's docs/specs/fw_cfg, simply: what a guest has to see of a board's files. Its table of files is read
 * when an item is first asked for; the bytes of a file are those that are there then.
 */
final class FirmwareModel {
    static final int DATA = 1;
    static final int DMA_HIGH = 4;
    static final int DMA_LOW = 8;
    static final int DIRECTORY = 0x19;
    static final int FIRST_FILE = 0x20;
    static final int MOST_FILES = 32;
    static final int ENTRY_BYTES = 64;
    static final int HEADER_BYTES = 16;
    static final int NAME_BYTES = 56;
    static final int ERROR = 1;
    static final int READ = 2;
    static final int SKIP = 4;
    static final int SELECT = 8;
    static final int WRITE = 16;

    private static final int REQUEST_BYTES = 16;
    private static final byte[] REGISTERED = "QEMU CFG".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] SIGNATURE = "QEMU".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] MAGIC = "JVMMFWCF".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] REGISTERS_AND_DMA = {3, 0, 0, 0};
    private static final byte[] TWO_PROCESSORS = {2, 0};
    private static final byte[] FIVE_GIB = {0, 0, 0, 0x40, 1, 0, 0, 0};
    private static final byte[] NONE = {};

    /** A file of the table. */
    private record Listed(String name, int at, int lengthBytes) {}

    /** What the board has, and can change. */
    private final byte[] board;

    private final int boardBytes;
    private final byte[] guest;
    private final List<Listed> files = new ArrayList<>();
    private byte[] directory = NONE;
    private boolean looked;
    private int selector;
    private int offset;
    private long high;
    private int guestErrors;

    /**
     * A machine that has been switched on, of two processors and 5 GiB.
     *
     * @param board the first {@code boardBytes} of it are the board's files
     * @param guest all of guest memory, from 0 on
     */
    FirmwareModel(byte[] board, int boardBytes, byte[] guest) {
        this.board = board;
        this.boardBytes = boardBytes;
        this.guest = guest;
    }

    int guestErrors() {
        return guestErrors;
    }

    /** Registers are as at power-on; what is known of the files stays. */
    void reset() {
        selector = 0;
        offset = 0;
        high = 0;
    }

    /** Another process, which has yet to look at the table. */
    void succeed() {
        looked = false;
    }

    // ---- items

    private void look() {
        if (looked) {
            return;
        }
        looked = true;
        files.clear();
        ByteBuffer in = ByteBuffer.wrap(board, 0, boardBytes).order(ByteOrder.LITTLE_ENDIAN);
        if (boardBytes >= HEADER_BYTES
                && ByteBuffer.wrap(board, 0, MAGIC.length).equals(ByteBuffer.wrap(MAGIC))
                && in.getInt(8) == 1) {
            list(in, Math.min(in.getInt(12), MOST_FILES));
        }
        ByteBuffer out = ByteBuffer.allocate(Integer.BYTES + files.size() * ENTRY_BYTES);
        out.putInt(files.size());
        for (int i = 0; i < files.size(); i++) {
            Listed file = files.get(i);
            out.putInt(file.lengthBytes).putShort((short) (FIRST_FILE + i)).putShort((short) 0);
            out.put(board, HEADER_BYTES + i * ENTRY_BYTES, NAME_BYTES - 1).put((byte) 0);
        }
        directory = out.array();
    }

    /** Up to the first entry that cannot be: it is cut off, of bytes that are not there, without a name or with one that another has. */
    private void list(ByteBuffer in, int listed) {
        Set<String> names = new HashSet<>();
        for (int i = 0; i < listed && HEADER_BYTES + (i + 1) * ENTRY_BYTES <= boardBytes; i++) {
            int entry = HEADER_BYTES + i * ENTRY_BYTES;
            String name = name(board, entry);
            long at = in.getInt(entry + NAME_BYTES) & 0xFFFF_FFFFL;
            long length = in.getInt(entry + NAME_BYTES + Integer.BYTES) & 0xFFFF_FFFFL;
            if (at + length > boardBytes || name.isEmpty() || !names.add(name)) {
                return;
            }
            files.add(new Listed(name, (int) at, (int) length));
        }
    }

    /** What C makes of the name at {@code at}, of which the last byte does not count. */
    static String name(byte[] bytes, int at) {
        int end = at;
        while (end < at + NAME_BYTES - 1 && bytes[end] != 0) {
            end++;
        }
        return new String(bytes, at, end - at, StandardCharsets.ISO_8859_1);
    }

    /** How long an item is. */
    int length(int key) {
        look();
        int file = key - FIRST_FILE;
        return file >= 0 && file < files.size() ? files.get(file).lengthBytes : fixed(key).length;
    }

    private byte[] fixed(int key) {
        return switch (key) {
            case 0 -> SIGNATURE;
            case 1 -> REGISTERS_AND_DMA;
            case 3 -> FIVE_GIB;
            case 5, 0xF -> TWO_PROCESSORS;
            case DIRECTORY -> directory;
            default -> NONE;
        };
    }

    /** The next byte of the item, or 0 behind it. */
    private int next() {
        int key = selector & ~0x4000;
        if (offset >= length(key)) {
            return 0;
        }
        int file = key - FIRST_FILE;
        byte value = file >= 0 && file < files.size() ? board[files.get(file).at + offset] : fixed(key)[offset];
        offset++;
        return value & 0xFF;
    }

    // ---- registers

    long read(int at, int widthBytes) {
        long value = 0;
        for (int i = 0; i < widthBytes; i++) {
            long octet = at == DATA ? next() : at >= DMA_HIGH ? REGISTERED[at - DMA_HIGH + i] : 0;
            value |= octet << (i * Byte.SIZE);
        }
        return value;
    }

    void write(int at, int widthBytes, long value) {
        if (at == 0 && widthBytes == Short.BYTES) {
            select((int) value & 0xFFFF);
        } else if (at == DMA_HIGH && widthBytes == Integer.BYTES) {
            high = Integer.toUnsignedLong(Integer.reverseBytes((int) value)) << Integer.SIZE;
        } else if (at == DMA_HIGH && widthBytes == Long.BYTES) {
            start(Long.reverseBytes(value));
        } else if (at == DMA_LOW && widthBytes == Integer.BYTES) {
            start(high | Integer.toUnsignedLong(Integer.reverseBytes((int) value)));
        }
    }

    private void select(int key) {
        selector = key;
        offset = 0;
    }

    private void start(long address) {
        high = 0;
        if (!isMemory(address, REQUEST_BYTES)) {
            guestErrors++;
            return;
        }
        ByteBuffer request = ByteBuffer.wrap(guest); // big-endian, as requests are
        int at = (int) address;
        int control = request.getInt(at);
        long length = Integer.toUnsignedLong(request.getInt(at + 4));
        long target = request.getLong(at + 8);
        if ((control & SELECT) != 0) {
            select(control >>> 16);
        }
        int result = 0;
        if ((control & READ) != 0) {
            result = transfer(length, target);
        } else if ((control & WRITE) != 0) {
            result = ERROR;
        } else if ((control & SKIP) != 0) {
            offset = (int) Math.min(offset + length, Math.max(offset, length(selector & ~0x4000)));
        }
        request.putInt(at, result);
    }

    private int transfer(long length, long target) {
        if (length == 0) {
            return 0;
        }
        if (!isMemory(target, length)) {
            guestErrors++;
            return ERROR;
        }
        for (int i = 0; i < length; i++) {
            guest[(int) target + i] = (byte) next();
        }
        return 0;
    }

    private boolean isMemory(long address, long lengthBytes) {
        return address >= 0 && address < guest.length && lengthBytes <= guest.length - address;
    }
}
