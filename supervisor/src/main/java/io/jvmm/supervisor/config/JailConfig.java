package io.jvmm.supervisor.config;

/**
 * The jails of the processes.
 *
 * @param uidRange host uids, used when the supervisor is root
 * @param mode what happens to a system call that the policy forbids
 * @param maxDescriptors RLIMIT_NOFILE of each process
 * @param maxThreads RLIMIT_NPROC of each process that has a uid of its own
 */
public record JailConfig(UidRange uidRange, Mode mode, int maxDescriptors, int maxThreads) {
    /** The boot record of the largest machine carries fewer. */
    public static final int FEWEST_DESCRIPTORS = 64;

    public static final int MOST_DESCRIPTORS = 4096;

    /** A JVM starts about a dozen; the vCPU process one more for each processor. */
    public static final int FEWEST_THREADS = 32;

    public static final int MOST_THREADS = 4096;

    /** What happens to a system call that the policy forbids. */
    public enum Mode implements Word {
        /** The process dies of it. */
        ENFORCE,
        /** The kernel logs it and permits it: no jail at all. For writing policies only. */
        LOG
    }

    public JailConfig {
        if (maxDescriptors < FEWEST_DESCRIPTORS || maxDescriptors > MOST_DESCRIPTORS) {
            throw new IllegalArgumentException("max_descriptors is out of range: " + maxDescriptors);
        }
        if (maxThreads < FEWEST_THREADS || maxThreads > MOST_THREADS) {
            throw new IllegalArgumentException("max_threads is out of range: " + maxThreads);
        }
    }
}
