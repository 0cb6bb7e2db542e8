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
    private byte[] content;
    private int length;
    /** Of so many writes and synchronizations one fails; 0: none. */
    private int failsOneOf;

    private final SplittableRandom failures = new SplittableRandom(1);

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

    private boolean fails() {
        return failsOneOf > 0 && failures.nextInt(failsOneOf) == 0;
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
        if (fails()) {
            return -Errno.ENOSPC.number();
        }
        from.drain(MemorySegment.ofArray(bytes), 0, bytes.length);
        changes.add(new Change(position, bytes));
        apply(position, bytes);
        return 0;
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
        if (fails()) {
            return -Errno.EIO.number();
        }
        changes.add(new Change(0, new byte[0]));
        return 0;
    }

    @Override
    public synchronized long punchHole(long position, long lengthBytes) {
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
        for (Change change : changes.subList(0, count)) {
            storage.apply(change.position(), change.bytes());
        }
        return storage;
    }

    /**
     * What a death of the host may leave: what was synchronized, and of what came after it some, each write whole but in no
     * particular company.
     */
    static MemoryStorage afterPowerLoss(byte[] start, List<Change> changes, int count, SplittableRandom random) {
        int synced = count;
        while (synced > 0 && !changes.get(synced - 1).isSync()) {
            synced--;
        }
        final MemoryStorage storage = after(start, changes, synced);
        final int percent = random.nextInt(101);
        for (Change change : changes.subList(synced, count)) {
            if (random.nextInt(100) < percent) {
                storage.apply(change.position(), change.bytes());
            }
        }
        return storage;
    }
}
