package io.jvmm.policy.jail;

/**
 * Resource limits of a jailed process, soft and hard alike. Core dumps are always off; message queues, pending real-time
 * priority and file locks are always 0.
 *
 * @param openFiles RLIMIT_NOFILE: highest descriptor number plus one
 * @param threads RLIMIT_NPROC: threads of this process (the JVM has about ten)
 * @param fileSizeBytes RLIMIT_FSIZE: 0 where nothing is written to a regular file, -1 for no limit
 * @param lockedMemoryBytes RLIMIT_MEMLOCK
 * @param addressSpaceBytes RLIMIT_AS, -1 for no limit
 */
public record Limits(int openFiles, int threads, long fileSizeBytes, long lockedMemoryBytes, long addressSpaceBytes) {
    /** No limit (RLIM_INFINITY). */
    public static final long UNLIMITED = -1;

    public Limits {
        if (openFiles < 4 || threads < 1 || fileSizeBytes < -1 || lockedMemoryBytes < -1 || addressSpaceBytes < -1) {
            throw new IllegalArgumentException("limits below what a process needs");
        }
    }

    /** For a device process: 128 descriptors, 64 threads, no file writes, no locked memory. */
    public static Limits device() {
        return new Limits(128, 64, 0, 0, UNLIMITED);
    }

    public Limits withOpenFiles(int count) {
        return new Limits(count, threads, fileSizeBytes, lockedMemoryBytes, addressSpaceBytes);
    }

    public Limits withThreads(int count) {
        return new Limits(openFiles, count, fileSizeBytes, lockedMemoryBytes, addressSpaceBytes);
    }

    public Limits withFileSizeBytes(long bytes) {
        return new Limits(openFiles, threads, bytes, lockedMemoryBytes, addressSpaceBytes);
    }

    public Limits withLockedMemoryBytes(long bytes) {
        return new Limits(openFiles, threads, fileSizeBytes, bytes, addressSpaceBytes);
    }

    public Limits withAddressSpaceBytes(long bytes) {
        return new Limits(openFiles, threads, fileSizeBytes, lockedMemoryBytes, bytes);
    }
}
