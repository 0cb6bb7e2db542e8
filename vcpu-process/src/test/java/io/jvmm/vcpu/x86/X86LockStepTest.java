package io.jvmm.vcpu.x86;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.vcpu.engine.BootState;
import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.interp.GuestAssembly;
import io.jvmm.vcpu.x86.translate.ImmediateTranslation;
import io.jvmm.vcpu.x86.translate.TranslatorOptions;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A small kernel (lockstep.s) translated and interpreted in lock-step; with a property set, a real one. */
class X86LockStepTest {
    private static final long RAM_BYTES = 4 << 20;
    private static final long CODE = 0x10000;
    private static final long TABLES = 0x1000;
    private static final int ROUNDS = 20;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
    private static final long ALL = Long.MAX_VALUE;

    private final ByteArrayOutputStream console = new ByteArrayOutputStream();
    /** Of the machine that translates, and of the other. */
    private final LockStepMachine[] machines = new LockStepMachine[2];

    private final MemorySegment[] memories = new MemorySegment[2];

    private LockStepRun run(Arena arena, TranslatorOptions options, int threshold, long seed, int slice)
            throws Exception {
        final ImmediateTranslation translation = new ImmediateTranslation(options);
        final byte[] code = program();
        for (int i = 0; i < 2; i++) {
            final MemorySegment memory = arena.allocate(RAM_BYTES, 4096);
            memories[i] = memory;
            memory.asSlice(CODE).copyFrom(MemorySegment.ofArray(code));
            memory.set(LONG, TABLES, TABLES + 0x1007);
            memory.set(LONG, TABLES + 0x1000, TABLES + 0x2007);
            memory.set(LONG, TABLES + 0x1018, 0xc000_0087L);
            memory.set(LONG, TABLES + 0x2000, 0x87);
            memory.set(LONG, TABLES + 0x2008, 0x20_0087);
            memory.set(LONG, TABLES + 0x2010, TABLES + 0x3007);
            machines[i] = new LockStepMachine(
                    i == 0 ? translation : null,
                    threshold,
                    i == 0 ? console : new ByteArrayOutputStream(),
                    physical -> physical.map(0, 0, RAM_BYTES, memory, false));
            machines[i].vcpu.setBootState(new BootState(BootState.Mode.LONG_64, CODE, 0, 0, 0, TABLES, 0, 0, 0, 0));
        }
        return new LockStepRun(machines[0], machines[1], memories, seed, slice, 100_000);
    }

    private static byte[] program() throws Exception {
        try (InputStream source = Objects.requireNonNull(X86LockStepTest.class.getResourceAsStream("lockstep.s"))) {
            return GuestAssembly.assemble(
                    ".equ ROUNDS, " + ROUNDS + "\n" + new String(source.readAllBytes(), StandardCharsets.UTF_8), CODE);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "false, 2, 0, 1, 300", "false, 20, 1, 2, 5000", "false, 3000, 100, 3, 20000",
        "true, 2, 0, 4, 300", "true, 20, 1, 5, 5000", "true, 3000, 100, 6, 20000"
    })
    void translatedIsInterpreted(boolean locals, int threshold, int warm, long seed, int slice) throws Exception {
        try (Arena arena = Arena.ofConfined()) {
            final LockStepRun run =
                    run(arena, new TranslatorOptions(locals, 250, warm, 16 << 20), threshold, seed, slice);
            assertTrue(run.run(ALL), "seed " + seed);
            assertEquals(".".repeat(ROUNDS), console.toString(StandardCharsets.US_ASCII));
            assertTrue(run.retired() > 1_500_000, run.retired() + " instructions");
            assertTrue(memories[0].get(LONG, 0x6008) > 100, "timer interrupts");
            assertTrue(memories[0].get(LONG, 0x6010) > 100, "faults");
        }
    }

    /**
     * A machine that is saved again and again, at any instant, and goes on in another engine, lives as one that is never saved.
     * 0: the machine that translates is replaced, 1: the one that interprets, 2: both.
     */
    @ParameterizedTest
    @CsvSource({"0, 20, 1, 11, 2000", "1, 3000, 100, 12, 2000", "2, 20, 1, 13, 700", "1, 20, 1, 14, 20000"})
    void savedAndLoadedGoesOnAlike(int which, int threshold, int warm, long seed, int slice) throws Exception {
        try (Arena arena = Arena.ofConfined()) {
            final TranslatorOptions options = new TranslatorOptions(false, 250, warm, 16 << 20);
            final LockStepRun run = run(arena, options, threshold, seed, slice);
            run.replaceEvery(10, which == 1 ? null : () -> new ImmediateTranslation(options), which != 0);
            assertTrue(run.run(ALL), "seed " + seed);
            assertEquals(".".repeat(ROUNDS), console.toString(StandardCharsets.US_ASCII));
            assertTrue(run.retired() > 1_500_000, run.retired() + " instructions");
            assertTrue(run.replacements() > 30, run.replacements() + " replacements");
        }
    }

    @Test
    void findsAWrongRegister() throws Exception {
        try (Arena arena = Arena.ofConfined()) {
            final LockStepRun run = run(arena, TranslatorOptions.DEFAULT, 20, 7, 5000);
            run.run(1_000_000);
            machines[0].cpu.r[Cpu.RBX + 12] ^= 4;
            final LockStepRun.Difference found = assertThrows(LockStepRun.Difference.class, () -> run.run(ALL));
            assertTrue(found.toString().contains("general[15]"), found.toString());
        }
    }

    @Test
    void findsAWrongByteOfMemory() throws Exception {
        try (Arena arena = Arena.ofConfined()) {
            final LockStepRun run = run(arena, TranslatorOptions.DEFAULT, 20, 8, 5000);
            run.run(1_000_000);
            memories[0].set(ValueLayout.JAVA_BYTE, 0x2f_1235, (byte) 1);
            final LockStepRun.Difference found = assertThrows(LockStepRun.Difference.class, () -> run.run(ALL));
            assertEquals(0x2f_1230, found.address);
        }
    }

    /** {@code -Djvmm.lockstep=ARGUMENTS}, those of {@link X86LockStep}. */
    @Test
    @EnabledIfSystemProperty(named = "jvmm.lockstep", matches = ".+")
    void kernel() throws Exception {
        final List<String> arguments =
                Arrays.asList(System.getProperty("jvmm.lockstep").split(" "));
        assertEquals(0, X86LockStep.run(arguments.toArray(String[]::new)));
    }
}
