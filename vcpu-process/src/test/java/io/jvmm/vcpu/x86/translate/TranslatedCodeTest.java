package io.jvmm.vcpu.x86.translate;

import io.jvmm.ipc.TestSeed;
import io.jvmm.vcpu.x86.decode.Insn;
import java.lang.foreign.Arena;
import java.util.HexFormat;
import java.util.SplittableRandom;
import java.util.function.Predicate;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Translated code against the interpreter's steps (which are compared with the host's processor elsewhere): registers, flags, memory,
 * counts and faults after every run of a region.
 *
 * <p>{@code -Djvmm.translate.programs=N} chooses how many programs a test, {@code -Djvmm.seed=S} the seed.
 */
class TranslatedCodeTest {
    private static final long SEED = TestSeed.next();
    private static final int PROGRAMS = Integer.getInteger("jvmm.translate.programs", 40);

    private static TranslatorOptions options(boolean locals) {
        return new TranslatorOptions(locals, 250, 0, 1 << 20);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void straightLines(boolean locals) {
        programs("straight", locals, i -> true, false, 24);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void emittedInstructionsOnly(boolean locals) {
        programs("emitted", locals, Inline::supports, false, 12);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void branches(boolean locals) {
        programs("branches", locals, i -> true, true, 60);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void vectors(boolean locals) {
        programs("vectors", locals, i -> true, false, 24, 4);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void emittedVectorsWithBranches(boolean locals) {
        programs("emitted vectors", locals, Inline::supports, true, 40, 3);
    }

    private static void programs(String name, boolean locals, Predicate<Insn> only, boolean branches, int length) {
        programs(name, locals, only, branches, length, 0);
    }

    private static void programs(
            String name, boolean locals, Predicate<Insn> only, boolean branches, int length, int generalOneIn) {
        final SplittableRandom random = new SplittableRandom(SEED);
        System.out.println(name + " seed " + SEED);
        try (Arena arena = Arena.ofConfined()) {
            final LockStep both = new LockStep(arena, options(locals), random);
            final RandomCode code = new RandomCode(random, generalOneIn);
            for (int p = 0; p < PROGRAMS; p++) {
                final byte[] program = code.program(random.nextInt(1, length), only, branches);
                try {
                    both.load(program);
                    for (int round = 0; round < 20; round++) {
                        both.randomise();
                        both.run(random.nextInt(1, 200), 100);
                    }
                    both.compareMemory();
                } catch (AssertionError | RuntimeException e) {
                    throw new AssertionError(
                            "seed " + SEED + " program " + p + " "
                                    + HexFormat.of().formatHex(program),
                            e);
                }
            }
            System.out.printf(
                    "%s locals=%b: %d programs, %d instructions, %d runs, %d faults, %d regions%n",
                    name,
                    locals,
                    PROGRAMS,
                    both.instructions,
                    both.runs,
                    both.faults,
                    both.translated.translator.regions());
        }
    }
}
