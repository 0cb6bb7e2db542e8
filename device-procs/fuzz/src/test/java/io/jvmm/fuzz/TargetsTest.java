package io.jvmm.fuzz;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.fuzz.engine.Corpus;
import io.jvmm.fuzz.engine.FuzzTarget;
import io.jvmm.ipc.TestSeed;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Each target on its shipped seeds, and on what a few careless mutations make of them: nothing is found. Coverage comes with {@code jvmm-fuzz}. */
class TargetsTest {
    private static final long BUDGET_NS = 1_000_000_000L;
    private static final int MOST = 3000;

    @ParameterizedTest
    @EnumSource
    void findsNothing(Targets target) throws Exception {
        FuzzTarget made = target.make();
        made.thorough();
        List<byte[]> seeds = Corpus.shipped(target.word(), made);
        assertFalse(seeds.isEmpty(), "there are seeds");
        for (byte[] seed : seeds) {
            made.run(seed);
        }
        Random random = new Random(TestSeed.next());
        long endNs = System.nanoTime() + BUDGET_NS;
        for (int i = 0; i < MOST && (i < 20 || System.nanoTime() < endNs); i++) {
            byte[] input = mutated(seeds, random, target.longestInput());
            try {
                made.run(input);
            } catch (Throwable e) { // whatever it is
                throw new AssertionError(String.join("\n", made.describe(input)), e);
            }
        }
    }

    /** Some of one seed, some of another, and a few other bytes. */
    private static byte[] mutated(List<byte[]> seeds, Random random, int longest) {
        byte[] first = seeds.get(random.nextInt(seeds.size()));
        byte[] second = seeds.get(random.nextInt(seeds.size()));
        int head = random.nextInt(first.length + 1);
        int tail = random.nextInt(second.length + 1);
        byte[] input = Arrays.copyOf(first, Math.min(longest, head + second.length - tail));
        System.arraycopy(second, tail, input, Math.min(head, input.length), Math.max(0, input.length - head));
        for (int i = random.nextInt(8); i > 0 && input.length > 0; i--) {
            input[random.nextInt(input.length)] = (byte) random.nextInt();
        }
        return input;
    }

    @ParameterizedTest
    @EnumSource
    void itsInputsAreTheSumOfTheirParts(Targets target) throws Exception {
        FuzzTarget made = target.make();
        for (byte[] seed : Corpus.shipped(target.word(), made)) {
            assertTrue(made.parts(seed).stream().mapToInt(Integer::intValue).sum() == seed.length, "parts");
            assertFalse(made.describe(seed).isEmpty());
            assertTrue(seed.length <= target.longestInput(), target + " has a seed of " + seed.length + " bytes");
        }
    }
}
