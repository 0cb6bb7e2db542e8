package io.jvmm.device.block.qcow2;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.IoVector;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/** A file in memory that keeps a list of what was done to it, so that any beginning of that list can be had as a file. Any thread. */
final class MemoryStorage implements Storage {

    /** One change. A synchronization has no bytes. */
    @SuppressWarnings("ArrayRecordComponent") // nobody compares changes, or changes them
    record Change(long position, byte[] bytes) {
        boolean isSync() {
            return bytes.length == 0;
        }
    }

    private final List<Change> changes = new ArrayList<>();
    /** No file gets longer. */
    private static final long MOST_BYTES = 128L << 20;

    private byte[] content;
    private int length;
    /** Of so many writes and synchronizations one fails; 0: none. */
    private int failsOneOf;

    private final SplittableRandom failures = new SplittableRandom(1);

    /** What becomes of an operation that fails. */
    enum Fault {
        /** Nothing at all. */
        LOST,
        /** Its first half. */
        PARTLY,
        /** All of it, though it says otherwise. */
        DONE,
        /** Nothing if it would make the file longer; else it succeeds: a full disk. */
        FULL
    }

    private int operations;
    private final List<Integer> headerOperations = new ArrayList<>();
    private int failsFrom = Integer.MAX_VALUE;
    private int failsTo;
    private Fault fault = Fault.LOST;

    MemoryStorage(byte[] content) {
        this.content = content.clone();
        length = content.length;
    }

    static MemoryStorage of(Path file) {
        try {
            return new MemoryStorage(Files.readAllBytes(file));
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    /** From now on one of so many writes and synchronizations fails, and does nothing. */
    void failsOneOf(int count) {
        failsOneOf = count;
    }

    /** How many writes, synchronizations and holes there have been. */
    int operations() {
        return operations;
    }

    /** Those numbered {@code from} (as {@link #operations} counts) to {@code to}, exclusive, fail. */
    void fails(int from, int to, Fault how) {
        failsFrom = from;
        failsTo = to;
        fault = how;
    }

    /** Which of them wrote the header. */
    List<Integer> headerOperations() {
        return headerOperations;
    }

    private boolean fails() {
        final int number = operations++;
        final boolean chosen = number >= failsFrom && number < failsTo;
        return chosen || (failsOneOf > 0 && failures.nextInt(failsOneOf) == 0);
    }

    List<Change> changes() {
        return changes;
    }

    byte[] bytes() {
        return Arrays.copyOf(content, length);
    }

    @Override
    public synchronized long read(int lane, long position, IoVector into, int flags) {
        final long count = Math.clamp(length - position, 0, into.lengthBytes());
        if (count > 0) {
            into.fill(MemorySegment.ofArray(content), position, count);
        }
        return count;
    }

    @Override
    public synchronized long write(int lane, long position, IoVector from, int flags) {
        final byte[] bytes = new byte[(int) from.lengthBytes()];
        if (position == 0) {
            headerOperations.add(operations);
        }
        if (position + bytes.length > MOST_BYTES) {
            return -Errno.ENOSPC.number();
        }
        final boolean fails = fails() && (fault != Fault.FULL || position + bytes.length > length);
        if (fails && (fault == Fault.LOST || fault == Fault.FULL)) {
            return -Errno.ENOSPC.number();
        }
        from.drain(MemorySegment.ofArray(bytes), 0, bytes.length);
        final int sectors = bytes.length / Geometry.SECTOR_BYTES;
        final byte[] made = fails && fault == Fault.PARTLY ? Arrays.copyOf(bytes, sectors / 2 * 512) : bytes;
        if (made.length > 0) {
            changes.add(new Change(position, made));
            apply(position, made);
        }
        return fails ? -Errno.EIO.number() : 0;
    }

    void apply(long position, byte[] bytes) {
        final int end = Math.toIntExact(position + bytes.length);
        if (end > content.length) {
            content = Arrays.copyOf(content, Math.max(end, 2 * content.length));
        }
        System.arraycopy(bytes, 0, content, (int) position, bytes.length);
        length = Math.max(length, end);
    }

    @Override
    public synchronized long sync() {
        final boolean fails = fails() && fault != Fault.FULL;
        if (fails && fault != Fault.DONE) {
            return -Errno.EIO.number();
        }
        changes.add(new Change(0, new byte[0]));
        return fails ? -Errno.EIO.number() : 0;
    }

    @Override
    public synchronized long punchHole(long position, long lengthBytes) {
        if (fails() && fault != Fault.FULL) {
            return -Errno.EIO.number();
        }
        final int bytes = (int) Math.clamp(length - position, 0, lengthBytes);
        if (bytes > 0) {
            changes.add(new Change(position, new byte[bytes]));
            apply(position, new byte[bytes]);
        }
        return 0;
    }

    @Override
    public synchronized long lengthBytes() {
        return length;
    }

    @Override
    public int alignmentBytes() {
        return 1;
    }

    @Override
    public void close() {}

    /** The file after the first {@code count} changes: what a death of the process leaves, since the kernel has got them all. */
    static MemoryStorage after(byte[] start, List<Change> changes, int count) {
        final MemoryStorage storage = new MemoryStorage(start);
        storage.replay(changes.subList(0, count));
        return storage;
    }

    /** Makes changes that another storage wrote down. */
    void replay(List<Change> others) {
        for (Change change : others) {
            apply(change.position(), change.bytes());
        }
    }

    /**
     * What a death of the host may leave: what was synchronized, and of what came after it some sectors, in no particular
     * company.
     */
    static MemoryStorage afterPowerLoss(byte[] start, List<Change> changes, int count, SplittableRandom random) {
        final int synced = synchronizedAt(changes, count);
        final MemoryStorage storage = after(start, changes, synced);
        storage.replaySome(changes.subList(synced, count), random);
        return storage;
    }

    /** Makes some of the changes that another storage wrote down, and parts of some. */
    void replaySome(List<Change> others, SplittableRandom random) {
        final int percent = random.nextInt(101);
        for (Change change : others) {
            final boolean torn = random.nextInt(4) == 0;
            final int piece = torn ? Geometry.SECTOR_BYTES : Math.max(1, change.bytes().length);
            for (int at = 0; at < change.bytes().length; at += piece) {
                if (random.nextInt(100) < percent) {
                    final int end = Math.min(at + piece, change.bytes().length);
                    apply(change.position() + at, Arrays.copyOfRange(change.bytes(), at, end));
                }
            }
        }
    }

    /** Where the last synchronization before {@code count} is in the list: what came before is certain. */
    static int synchronizedAt(List<Change> changes, int count) {
        int synced = count;
        while (synced > 0 && !changes.get(synced - 1).isSync()) {
            synced--;
        }
        return synced;
    }
}
