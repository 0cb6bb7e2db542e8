package io.jvmm.policy.jail;

import io.jvmm.ipc.sys.Fd;

/**
 * A descriptor the child starts with.
 *
 * @param source number in the supervisor
 * @param target number in the child, below {@value #FIRST_LIFTED}
 */
public record FdMapping(int source, int target) {
    /** While the child arranges its descriptors, the sources sit at this number and above. */
    public static final int FIRST_LIFTED = 128;

    public FdMapping {
        if (source < 0 || target < 0 || target >= FIRST_LIFTED) {
            throw new IllegalArgumentException("descriptor " + source + " as " + target);
        }
    }

    /** {@code source} as number {@code target} in the child. The source stays open and the caller's. */
    public static FdMapping of(Fd source, int target) {
        return new FdMapping(source.number(), target);
    }
}
