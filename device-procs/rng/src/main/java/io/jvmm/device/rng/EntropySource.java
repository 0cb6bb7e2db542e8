package io.jvmm.device.rng;

import io.jvmm.ipc.memory.GuestMemory;

/** Where the random bytes come from: the kernel in a device process, something repeatable in tests. */
@FunctionalInterface
interface EntropySource {

    /**
     * Fills a range of guest memory that {@link GuestMemory#resolve} or a chain gave. Never waits, allocates nothing.
     *
     * @return bytes filled, at most {@code lengthBytes}, or a negated errno
     */
    long fill(GuestMemory memory, long offset, int lengthBytes);
}
