package io.jvmm.ipc;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Assertions;

/** Asserts that a piece of code, once warm, allocates nothing on the calling thread. */
public final class Allocations {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final int WARM_UP = 20_000;
    private static final int MEASURED = 10_000;

    private Allocations() {}

    /** Bytes the calling thread has allocated so far. */
    public static long ofThisThread() {
        return THREADS.getCurrentThreadAllocatedBytes();
    }

    /** Runs {@code action} until compiled, then asserts that ten thousand more runs allocate less than a byte each. */
    public static void assertNone(String what, Runnable action) {
        for (int i = 0; i < WARM_UP; i++) {
            action.run();
        }
        long least = Long.MAX_VALUE;
        // The VM itself may charge this thread for something once (a method handle linked late): three attempts.
        for (int attempt = 0; attempt < 3 && least > 0; attempt++) {
            long before = ofThisThread();
            for (int i = 0; i < MEASURED; i++) {
                action.run();
            }
            least = Math.min(least, ofThisThread() - before);
        }
        Assertions.assertEquals(0, least, what + " allocated bytes in " + MEASURED + " runs");
    }
}
