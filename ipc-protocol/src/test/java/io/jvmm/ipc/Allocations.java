package io.jvmm.ipc;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import org.junit.jupiter.api.Assertions;

/**
 * The one way in which the tests of all modules find out whether code allocates: a window of work is repeated, and the
 * least that any window allocated counts.
 *
 * <p>The VM charges a thread for objects that are not the code's. The first request to compile a method with C2, for
 * example, makes a String of every string constant in the constant pool of the method's class
 * ({@code CompileBroker::compile_method}), on the thread whose call it was, once for each class and after thousands of
 * calls; asking for the figure allocates the first time, too. Such charges end after a few windows. An object for each
 * message does not: it shows in every window, so taking the least never hides it.
 */
public final class Allocations {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final int WINDOWS = 10;
    private static final int WARM_UP = 20_000;
    private static final int MEASURED = 10_000;

    private Allocations() {}

    /** Bytes the calling thread has allocated so far. */
    public static long ofThisThread() {
        return THREADS.getCurrentThreadAllocatedBytes();
    }

    /** Runs {@code action} until compiled, then asserts that there are ten thousand runs which allocate nothing. */
    public static void assertNone(String what, Runnable action) {
        repeat(action, WARM_UP);
        assertNoneIn(what, () -> repeat(action, MEASURED));
    }

    private static void repeat(Runnable action, int times) {
        for (int i = 0; i < times; i++) {
            action.run();
        }
    }

    /**
     * Asserts that neither the calling thread nor {@code others} allocate while {@code window} runs, which stands for
     * thousands of messages.
     */
    public static void assertNoneIn(String what, Runnable window, Thread... others) {
        Thread[] threads = Arrays.copyOf(others, others.length + 1);
        threads[others.length] = Thread.currentThread();
        Assertions.assertEquals(0, leastIn(window, threads), what + ": bytes in the best window");
    }

    /**
     * The least that {@code threads} together allocate while {@code window} runs once. It runs once to warm up, then ten
     * times, or until a run has allocated nothing.
     */
    public static long leastIn(Runnable window, Thread... threads) {
        window.run();
        long least = Long.MAX_VALUE;
        for (int i = 0; i < WINDOWS && least > 0; i++) {
            long before = allocated(threads);
            window.run();
            least = Math.min(least, allocated(threads) - before);
        }
        return least;
    }

    private static long allocated(Thread... threads) {
        long sum = 0;
        for (Thread thread : threads) {
            sum += THREADS.getThreadAllocatedBytes(thread.threadId());
        }
        return sum;
    }
}
