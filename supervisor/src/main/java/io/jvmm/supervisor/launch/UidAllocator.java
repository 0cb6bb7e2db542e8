package io.jvmm.supervisor.launch;

import io.jvmm.supervisor.config.UidRange;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Hands out host uids so that no two processes of any machine on this host share one.
 *
 * <p>A uid belongs to whoever holds the lock on the file of that name. The kernel releases the lock when the holder is gone,
 * so nothing can leak. The search for a free one begins behind the uid that was handed out last (file {@code next}): a uid is
 * taken again only after all others of the range, long after the last process of a killed supervisor has ended.
 */
public final class UidAllocator {
    private final RuntimeDirectory directory;

    public UidAllocator(RuntimeDirectory directory) {
        this.directory = directory;
    }

    /** Uids that nobody else has until this is closed. */
    public static final class Lease implements AutoCloseable {
        private final List<Integer> uids = new ArrayList<>();
        private final List<FileChannel> locks = new ArrayList<>();

        private Lease() {}

        /** No uids: what an ordinary user's supervisor can hand out. */
        public static Lease none() {
            return new Lease();
        }

        public List<Integer> uids() {
            return List.copyOf(uids);
        }

        @Override
        public void close() {
            for (FileChannel lock : locks) {
                try {
                    lock.close();
                } catch (IOException e) {
                    throw new java.io.UncheckedIOException(e);
                }
            }
            locks.clear();
        }
    }

    /** Takes {@code count} uids of the range, at least one. */
    public Lease lease(UidRange range, int count) throws HostLackException {
        Lease lease = new Lease();
        try (FileChannel next = FileChannel.open(
                        directory.uids().resolve("next"),
                        StandardOpenOption.CREATE,
                        StandardOpenOption.READ,
                        StandardOpenOption.WRITE);
                FileLock _ = next.lock()) {
            int size = range.last() - range.first() + 1;
            int start = read(next);
            int offset = start < range.first() || start > range.last() ? 0 : start - range.first();
            for (int tried = 0; tried < size && lease.uids.size() < count; tried++) {
                int uid = range.first() + (offset + tried) % size;
                FileChannel lock = tryLock(uid);
                if (lock != null) {
                    lease.uids.add(uid);
                    lease.locks.add(lock);
                }
            }
            if (lease.uids.size() < count) {
                lease.close();
                throw new HostLackException("all uids of " + range + " are in use by running machines; this one needs "
                        + count + ". Use a larger range, e.g. uid_range = \"100000-165535\".");
            }
            write(next, lease.uids.getLast() + 1);
            return lease;
        } catch (IOException e) {
            lease.close();
            throw new HostLackException(
                    "uids cannot be locked in " + directory.uids() + ": " + e.getMessage()
                            + ". Is the file system full or read-only? See: df " + directory.uids(),
                    e);
        }
    }

    private @Nullable FileChannel tryLock(int uid) throws IOException {
        Path file = directory.uids().resolve(Integer.toString(uid));
        FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        try {
            if (channel.tryLock() != null) {
                return channel;
            }
        } catch (OverlappingFileLockException e) {
            // Held by another machine of this very process. (Closing the channel would drop its lock: fcntl locks
            // belong to
            // the process and the file, so the Java channel must stay open; there is one such case, in tests.)
            return null;
        }
        channel.close();
        return null;
    }

    private static int read(FileChannel next) throws IOException {
        ByteBuffer text = ByteBuffer.allocate(16);
        next.read(text, 0);
        String digits = new String(text.array(), 0, text.position(), StandardCharsets.US_ASCII).strip();
        return digits.matches("[0-9]{1,9}") ? Integer.parseInt(digits) : 0;
    }

    private static void write(FileChannel next, int uid) throws IOException {
        next.truncate(0);
        next.write(ByteBuffer.wrap((uid + "\n").getBytes(StandardCharsets.US_ASCII)), 0);
    }
}
