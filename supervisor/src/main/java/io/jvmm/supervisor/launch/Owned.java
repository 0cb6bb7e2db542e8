package io.jvmm.supervisor.launch;

import java.util.List;

/** Closing of what was made in an order, in the opposite one. */
final class Owned {
    private Owned() {}

    /** Closes and forgets all of it. */
    static void close(List<AutoCloseable> owned) {
        for (AutoCloseable resource : owned.reversed()) {
            try {
                resource.close();
            } catch (Exception e) {
                throw new IllegalStateException("closing descriptors and shared memory does not fail", e);
            }
        }
        owned.clear();
    }
}
