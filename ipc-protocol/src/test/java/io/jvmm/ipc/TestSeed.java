package io.jvmm.ipc;

import java.util.SplittableRandom;

/**
 * Where every random test of all modules has its seed from, so that a build's verdict depends on the commit alone:
 *
 * <pre>
 * (nothing)             {@value #USUAL}, the same in every build
 * -Djvmm.seed=N         N, as a test that failed has printed it
 * -Djvmm.seed=random    another one each time a test asks, for long runs and for finding something new
 * </pre>
 *
 * <p>What a test asserts holds for every seed. Any thread.
 */
public final class TestSeed {
    private static final long USUAL = 20_261_122L;
    private static final String RANDOM = "random";
    private static final StackWalker CALLER = StackWalker.getInstance(StackWalker.Option.RETAIN_CLASS_REFERENCE);

    private TestSeed() {}

    /**
     * The seed for a test that begins now. It is printed with the caller's class and the property that repeats it.
     *
     * @throws NumberFormatException the property is neither a number nor {@code random}
     */
    public static long next() {
        long seed = chosen();
        System.out.println(CALLER.getCallerClass().getSimpleName() + ": -Djvmm.seed=" + seed + " repeats it");
        return seed;
    }

    private static long chosen() {
        String asked = System.getProperty("jvmm.seed", Long.toString(USUAL));
        return asked.equals(RANDOM) ? new SplittableRandom().nextLong() : Long.parseLong(asked);
    }
}
