package io.jvmm.fuzz.parser;

import io.jvmm.device.api.StateRejectedException;
import io.jvmm.device.platform.FirmwareBed;
import io.jvmm.fuzz.engine.FuzzTarget;
import io.jvmm.fuzz.machine.FindingException;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.vcpu.board.FirmwareFiles;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * What a hostile board tells firmware: the first byte of an input says how ({@link #LARGE}, {@link #REPLAYED}), the rest is the memory of the files as the platform
 * device is given it, and its last bytes are, besides, {@link #STEPS} steps of {@link #STEP_BYTES}: what guest and board do ({@link Step}). In the end the guest
 * reads everything there is, from the directory on.
 *
 * <p>The oracles: what the guest reads, by register or by DMA, its memory and its errors are as {@link FirmwareModel} has them; the directory is in order; no
 * state is left that a successor refuses; and what was taken down is read again in a replay without the files.
 */
public final class FirmwareTarget implements FuzzTarget {
    /** The memory goes on behind the input, so that files are larger than what the device copies in one go. */
    static final int LARGE = 1;
    /** The case is run a second time, from its tape. */
    static final int REPLAYED = 2;

    static final int STEPS = 6;
    static final int STEP_BYTES = 4;

    private static final int LARGE_BYTES = 12 << 10;
    private static final int GUEST_BYTES = 32 << 10;
    private static final int REQUEST_AT = 0x40;
    private static final int REQUEST_BYTES = 16;
    private static final int DATA_AT = 0x100;
    private static final int MOST_DEATHS = 2;
    private static final int WALKED_BYTES = 512;

    /** What a step is, by its first byte; {@code a}, {@code b} and {@code c} are the others. */
    enum Step {
        /** Selects item {@code a | b << 8}. */
        SELECT,
        /** Reads the window at {@code a}, {@code 1 << b} bytes wide, {@code c & 15} times more. */
        READ,
        /** Writes byte {@code c} all over what is at {@code a}, {@code 1 << b} bytes wide. */
        WRITE,
        /** A request of control {@code a & 31}, item {@code b}, and {@code c << (a >> 5)} bytes. */
        DMA,
        /** A request at {@code a << 7}, of control {@code b}, for a length and an address that {@code c} says, mostly impossible ones. */
        RAW,
        /** The board writes {@code c} at {@code a | b << 8} of its files. */
        CHANGE,
        /** The process dies. */
        DIE,
        /** The machine's reset line. */
        RESET
    }

    private static final Step[] ALL_STEPS = Step.values();

    private final GuestMemory memory;
    private final FirmwareBed bed;
    private final byte[] board = new byte[LARGE_BYTES];
    private final UnsafeBuffer files = new UnsafeBuffer(board);
    private final byte[] guest = new byte[GUEST_BYTES];
    private final MemorySegment guestView = MemorySegment.ofArray(guest);
    private int boardBytes;
    private FirmwareModel model = new FirmwareModel(board, 0, guest);
    private boolean thorough;
    private int deaths;
    private boolean taped;
    private boolean replaying;
    /** Values the guest has read; in a replay those it has to read. */
    private long[] seen = new long[1 << 10];

    private int seenCount;
    private int seenEnd;
    /** Guest memory as the case has left it. */
    private final byte[] outcome = new byte[GUEST_BYTES];

    public FirmwareTarget() {
        try (MemFd fd = MemFd.createSealed("fuzz", GUEST_BYTES)) {
            memory = GuestMemory.map(fd.fd(), GUEST_BYTES);
        }
        bed = new FirmwareBed(memory);
    }

    @Override
    public void thorough() {
        thorough = true;
    }

    @Override
    public void run(byte[] input) {
        int how = input.length > 0 ? input[0] : 0;
        taped = thorough || (how & REPLAYED) != 0;
        replaying = false;
        begin(input, how);
        bed.begin(files, boardBytes, taped);
        play(input);
        if (taped && deaths == 0) {
            replay(input, how);
        }
    }

    /** The same guest, and the tape instead of the board: it sees what it has seen. */
    private void replay(byte[] input, int how) {
        System.arraycopy(guest, 0, outcome, 0, outcome.length);
        int errors = bed.guestErrors();
        replaying = true;
        seenEnd = seenCount;
        begin(input, how);
        bed.replay(boardBytes);
        play(input);
        System.arraycopy(outcome, 0, guest, 0, outcome.length);
        checkMemory("guest memory is another in a replay, from byte");
        check(bed.guestErrors() == errors, "errors of the guest in a replay:", bed.guestErrors());
        check(seenCount == seenEnd && bed.replayed(), "a replay reads less than was read, behind result", seenCount);
    }

    private void begin(byte[] input, int how) {
        int given = Math.min(Math.max(0, input.length - 1), board.length);
        System.arraycopy(input, Math.min(1, input.length), board, 0, given);
        boardBytes = (how & LARGE) != 0 ? LARGE_BYTES : given;
        for (int i = given; i < boardBytes; i++) {
            board[i] = (byte) (i * 31 + (i >>> 8));
        }
        Arrays.fill(guest, (byte) 0);
        memory.backing().fill((byte) 0);
        model = new FirmwareModel(board, boardBytes, guest);
        deaths = 0;
        seenCount = 0;
    }

    private void play(byte[] input) {
        for (int at = firstStep(input); at + STEP_BYTES <= input.length; at += STEP_BYTES) {
            step(stepAt(input, at), input[at + 1] & 0xFF, input[at + 2] & 0xFF, input[at + 3] & 0xFF);
        }
        bed.reset();
        model.reset();
        walk();
        String insane = bed.insaneField();
        if (!insane.isEmpty()) {
            throw new FindingException("a state is left that no successor takes: " + insane);
        }
    }

    private void step(Step step, int a, int b, int c) {
        switch (step) {
            case SELECT -> write(0, Short.BYTES, a | b << 8);
            case READ -> {
                int width = 1 << (b & 3);
                for (int i = 0; i <= (c & 15); i++) {
                    read(a % (FirmwareModel.DMA_LOW + Integer.BYTES + 1 - width), width);
                }
            }
            case WRITE -> {
                int width = 1 << (b & 3);
                write(a % (FirmwareModel.DMA_LOW + Integer.BYTES + 1 - width), width, c * 0x0101_0101_0101_0101L);
            }
            case DMA -> request(REQUEST_AT, (a & 31) | b << 16, c << (a >>> 5), DATA_AT + (c & 7));
            case RAW -> request(a << 7, b | FirmwareModel.READ, c << 24 | c, (long) (byte) c << (b & 31));
            case CHANGE -> {
                if (boardBytes > 0) {
                    board[(a | b << 8) % boardBytes] = (byte) c;
                }
            }
            case DIE -> die();
            case RESET -> {
                bed.reset();
                model.reset();
            }
        }
    }

    private void die() {
        if (++deaths > MOST_DEATHS || replaying) {
            return;
        }
        try {
            bed.succeed(files, boardBytes);
        } catch (StateRejectedException e) {
            throw new FindingException("a state that a device has left is refused: " + e.getMessage(), e);
        }
        model.succeed();
    }

    // ---- one thing, for the device and for the model

    private void read(int offset, int widthBytes) {
        long value = bed.read(offset, widthBytes);
        if (replaying) {
            check(seenCount < seenEnd && value == seen[seenCount], "another value in a replay, as number", seenCount);
            seenCount++;
            return;
        }
        long expected = model.read(offset, widthBytes);
        if (value != expected) {
            throw new FindingException("0x" + Long.toHexString(value) + " is read at " + offset + ", " + widthBytes
                    + " bytes wide, where 0x" + Long.toHexString(expected) + " is");
        }
        if (taped) {
            if (seenCount == seen.length) {
                seen = Arrays.copyOf(seen, 2 * seenCount);
            }
            seen[seenCount++] = value;
        }
    }

    private void write(int offset, int widthBytes, long value) {
        bed.write(offset, widthBytes, value);
        if (!replaying) {
            model.write(offset, widthBytes, value);
            checkMemory("guest memory is another than the model's from byte");
            check(bed.guestErrors() == model.guestErrors(), "errors of the guest:", bed.guestErrors());
        }
    }

    private void checkMemory(String what) {
        long differs = memory.backing().mismatch(guestView);
        check(differs < 0, what, differs);
    }

    /** Puts a request into guest memory, where it fits, and starts it. */
    private void request(int at, int control, int lengthBytes, long target) {
        if (at <= GUEST_BYTES - REQUEST_BYTES) {
            ByteBuffer.wrap(guest)
                    .putInt(at, control)
                    .putInt(at + 4, lengthBytes)
                    .putLong(at + 8, target);
            MemorySegment.copy(guest, at, memory.backing(), ValueLayout.JAVA_BYTE, at, REQUEST_BYTES);
        }
        write(FirmwareModel.DMA_LOW, Integer.BYTES, Integer.toUnsignedLong(Integer.reverseBytes(at)));
    }

    private static void check(boolean holds, String what, long found) {
        if (!holds) {
            throw new FindingException(what + " " + found);
        }
    }

    // ---- all there is

    private void walk() {
        fetch(FirmwareModel.DIRECTORY, FirmwareModel.ENTRY_BYTES * FirmwareModel.MOST_FILES + Integer.BYTES + 1);
        ByteBuffer directory = ByteBuffer.allocate(FirmwareModel.ENTRY_BYTES * FirmwareModel.MOST_FILES + 4);
        MemorySegment.copy(
                memory.backing(), ValueLayout.JAVA_BYTE, DATA_AT, directory.array(), 0, directory.capacity());
        int count = directory.getInt();
        check(count >= 0 && count <= FirmwareModel.MOST_FILES, "files in the directory:", count);
        int left = WALKED_BYTES;
        Set<String> names = new HashSet<>();
        for (int i = 0; i < count; i++) {
            int entry = Integer.BYTES + i * FirmwareModel.ENTRY_BYTES;
            int length = directory.getInt(entry);
            int key = directory.getShort(entry + 4);
            check(length >= 0 && length <= boardBytes, "a file's length:", length);
            check(key == FirmwareModel.FIRST_FILE + i, "a file's selector:", key);
            check(directory.getShort(entry + 6) == 0, "reserved bits of a file:", directory.getShort(entry + 6));
            check(directory.get(entry + FirmwareModel.ENTRY_BYTES - 1) == 0, "a name has no end, that of file", i);
            String name = FirmwareModel.name(directory.array(), entry + Long.BYTES);
            check(!name.isEmpty() && names.add(name), "no name, or another file's has file", i);
            fetch(key, Math.min(length + Long.BYTES, GUEST_BYTES - DATA_AT));
            left -= readThrough(key, length, left);
        }
    }

    /** All of an item, and what is behind it, by DMA. */
    private void fetch(int key, int lengthBytes) {
        request(REQUEST_AT, key << 16 | FirmwareModel.SELECT | FirmwareModel.READ, lengthBytes, DATA_AT);
    }

    /** An item by register, the widths in turn, and its end; how many bytes of it. */
    private int readThrough(int key, int length, int most) {
        write(0, Short.BYTES, key);
        int at = 0;
        for (int i = 0; at < length && at < most; i++) {
            read(FirmwareModel.DATA, 1 << (i & 3));
            at += 1 << (i & 3);
        }
        if (at < length - Integer.BYTES) {
            request(REQUEST_AT, FirmwareModel.SKIP, length - Integer.BYTES - at, 0);
        }
        read(FirmwareModel.DATA, Long.BYTES);
        return at;
    }

    // ---- inputs

    @Override
    public List<String> describe(byte[] input) {
        List<String> lines = new ArrayList<>();
        int how = input.length > 0 ? input[0] : 0;
        int from = firstStep(input);
        lines.add(((how & LARGE) != 0 ? LARGE_BYTES : Math.max(0, input.length - 1)) + " bytes of files"
                + ((how & REPLAYED) != 0 ? ", played again from the tape" : ""));
        for (int at = from; at + STEP_BYTES <= input.length; at += STEP_BYTES) {
            lines.add(
                    String.format("%s %02x %02x %02x", stepAt(input, at), input[at + 1], input[at + 2], input[at + 3]));
        }
        return lines;
    }

    private static int firstStep(byte[] input) {
        return Math.max(1, input.length - STEPS * STEP_BYTES);
    }

    private static Step stepAt(byte[] input, int at) {
        return ALL_STEPS[input[at] & ALL_STEPS.length - 1];
    }

    @Override
    public List<byte[]> seeds() {
        Map<String, byte[]> two = new LinkedHashMap<>();
        two.put("etc/e820", new byte[40]);
        two.put("bootorder", "/pci@i0cf8/scsi@8/disk@0,0\0".getBytes(StandardCharsets.US_ASCII));
        Map<String, byte[]> many = new LinkedHashMap<>();
        for (int i = 0; i <= FirmwareModel.MOST_FILES; i++) {
            many.put("opt/" + i, new byte[i % 3]);
        }
        byte[] large = FirmwareFiles.pack(two);
        little(large).putInt(FirmwareModel.HEADER_BYTES + FirmwareModel.NAME_BYTES + 4, LARGE_BYTES / 2);
        byte[] twins = FirmwareFiles.pack(two);
        System.arraycopy(
                twins,
                FirmwareModel.HEADER_BYTES,
                twins,
                FirmwareModel.HEADER_BYTES + FirmwareModel.ENTRY_BYTES,
                FirmwareModel.NAME_BYTES);
        return List.of(
                seed(REPLAYED, FirmwareFiles.pack(two), 0, 0x20, 0, 0, 1, 1, 0, 15, 3, 10, 0x20, 40, 1, 1, 3, 2),
                seed(0, FirmwareFiles.pack(two), 3, 12, 0x21, 5, 6, 0, 0, 0, 1, 1, 3, 3, 5, 12, 0, 9, 6, 0, 0, 0),
                seed(0, FirmwareFiles.pack(many), 4, 2, 8, 7, 2, 4, 3, 0, 7, 0, 0, 0, 4, 255, 2, 255),
                seed(LARGE | REPLAYED, large, 3, 0xEA, 0x20, 200, 5, 16, 0, 'x', 1, 1, 2, 9),
                seed(0, twins, 5, 60, 0, 255, 0, 0x20, 0x40, 0, 1, 1, 0, 3));
    }

    private static ByteBuffer little(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static byte[] seed(int how, byte[] files, int... steps) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(how);
        out.writeBytes(files);
        for (int b : steps) {
            out.write(b);
        }
        return out.toByteArray();
    }

    /** The header, an entry of a few bytes, numbers at borders, and a step of each kind. */
    @Override
    public List<byte[]> dictionary() {
        List<byte[]> words = new ArrayList<>();
        byte[] packed = FirmwareFiles.pack(Map.of("etc/e820", new byte[8]));
        words.add(Arrays.copyOf(packed, FirmwareModel.HEADER_BYTES));
        words.add(Arrays.copyOfRange(
                packed, FirmwareModel.HEADER_BYTES, FirmwareModel.HEADER_BYTES + FirmwareModel.ENTRY_BYTES));
        for (int number : new int[] {0, 1, FirmwareModel.MOST_FILES, LARGE_BYTES, 80, 144, Integer.MIN_VALUE, -1}) {
            byte[] word = new byte[Integer.BYTES];
            little(word).putInt(number);
            words.add(word);
        }
        for (int step = 0; step < ALL_STEPS.length; step++) {
            words.add(new byte[] {(byte) step, FirmwareModel.SELECT | FirmwareModel.READ, 0x20, 1});
            words.add(new byte[] {(byte) step, 1, 3, 15});
        }
        return words;
    }
}
