package io.jvmm.vcpu.x86.translate;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.interp.Executor;
import io.jvmm.vcpu.x86.interp.TranslationQueue;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Guest loops, in millions of instructions a second of the thread's processor time (so that a busy machine matters little). For
 * people: {@code TranslatorBench IMAGE interpreter|array|locals}, where the image is made of {@code loops.c} by the
 * command in its first lines.
 */
final class TranslatorBench {
    private static final String[] LOOPS = {
        "sieve", "sort", "copy", "crc", "mpi", "machine", "calls", "list", "far calls"
    };
    private static final int[] ROUNDS = {40, 8, 800, 100, 400, 2000, 300, 900, 900};
    private static final long STACK = 0x180000;
    private static final long SCRATCH = 0x1a0000;
    private static final long STOP = 0x1f0000;
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    private TranslatorBench() {}

    public static void main(String[] args) throws IOException {
        final byte[] image = Files.readAllBytes(Path.of(args[0]));
        final String mode = args[1];
        final TranslatorOptions d = TranslatorOptions.DEFAULT;
        final Translator translator = new Translator(
                new TranslatorOptions(!mode.equals("array"), d.maxInstructions(), d.warmHits(), d.maxCodeBytes()));
        final boolean interpreter = mode.equals("interpreter");
        try (Arena arena = Arena.ofShared();
                translator) {
            final Guest guest = new Guest(arena, interpreter ? TranslationQueue.NONE : translator, 1500);
            if (!interpreter) {
                translator.start(guest.cache);
            }
            guest.load(image);
            guest.load(STOP, new byte[] {(byte) 0xf4});
            final Executor executor = new Executor(guest.cpu, guest.cache);
            double product = 1;
            final StringBuilder line = new StringBuilder(String.format("%-12s", mode));
            for (int loop = 0; loop < LOOPS.length; loop++) {
                double best = 0;
                for (int time = 0; time < 6; time++) {
                    best = Math.max(best, mips(guest, executor, loop, ROUNDS[loop] * (time == 0 ? 2 : 5)));
                }
                line.append(String.format("  %s %.0f", LOOPS[loop], best));
                product *= best;
            }
            System.out.printf(
                    "%s  geomean %.0f  (%d regions, %d instructions, %d bytecodes, %d failed)%n",
                    line,
                    Math.pow(product, 1.0 / LOOPS.length),
                    translator.regions(),
                    translator.instructions(),
                    translator.codeBytes(),
                    translator.failed());
        }
        System.exit(0);
    }

    private static double mips(Guest guest, Executor executor, int loop, int rounds) {
        final Cpu cpu = guest.cpu;
        cpu.halted = false;
        cpu.r[Cpu.RDI] = loop;
        cpu.r[Cpu.RSI] = SCRATCH;
        cpu.r[Cpu.RDX] = rounds;
        cpu.r[Cpu.RSP] = STACK;
        cpu.mmu.write64(STACK, STOP);
        cpu.rip = Guest.CODE;
        final long before = cpu.retired;
        final long start = THREADS.getCurrentThreadCpuTime();
        Executor.Stop stop = Executor.Stop.BUDGET;
        while (stop != Executor.Stop.HALTED) {
            stop = executor.run(1_000_000);
            if (stop == Executor.Stop.SHUTDOWN) {
                throw new IllegalStateException("the guest has crashed");
            }
        }
        return (cpu.retired - before) * 1e3 / (THREADS.getCurrentThreadCpuTime() - start);
    }
}
