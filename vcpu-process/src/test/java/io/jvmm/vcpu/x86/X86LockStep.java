package io.jvmm.vcpu.x86;

import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.vcpu.boot.BootException;
import io.jvmm.vcpu.boot.BootPlan;
import io.jvmm.vcpu.x86.mmu.PhysicalMemory;
import io.jvmm.vcpu.x86.translate.ImmediateTranslation;
import io.jvmm.vcpu.x86.translate.TranslatorOptions;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Boots a kernel twice in this one process, translated and interpreted, in lock-step ({@link LockStepRun}). For people. Ends with status
 * 1 at the first difference, after a second run has found the block.
 *
 * <pre>
 *   X86LockStep [options] KERNEL [INITRD] [-- COMMAND LINE...]
 *     --memory=MB      RAM of each (128; less than the hole for devices)
 *     --stop=N         end after N instructions (k, m, g)
 *     --threshold=N    entries after which a block is translated (20; the product has 3000)
 *     --warm=N         entries after which a block is taken into the region of another (1; the product has 100)
 *     --locals         registers in local variables
 *     --slice=N        most instructions between two comparisons (8000)
 *     --check=N        instructions between two comparisons of all memory (5m)
 *     --seed=N         of the lengths of slices
 *     --replace=N      every N slices or so the machine that interprets is saved, and another goes on from that
 * </pre>
 */
final class X86LockStep {
    private static final long LARGEST_MB = 3 << 10;

    private final List<String> files = new ArrayList<>();
    private String commandLine = X86Boot.COMMAND_LINE;
    private long memoryBytes = 128L << 20;
    private long stopAfter = Long.MAX_VALUE;
    private int threshold = 20;
    private int warm = 1;
    private boolean locals;
    private int slice = 8000;
    private long check = 5_000_000;
    private long seed = 1;
    private int replaceEvery;

    private X86LockStep() {}

    public static void main(String[] args) throws Exception {
        final int status = run(args);
        System.out.flush();
        Runtime.getRuntime().halt(status);
    }

    /** 0 when the two machines were alike to the end, else 1. */
    static int run(String[] args) throws BootException {
        final X86LockStep it = new X86LockStep();
        it.parse(args);
        return it.runAndLookCloser();
    }

    private void parse(String[] args) {
        for (int i = 0; i < args.length; i++) {
            final String arg = args[i];
            final String value = arg.substring(arg.indexOf('=') + 1);
            if (arg.equals("--")) {
                commandLine = String.join(" ", List.of(args).subList(i + 1, args.length));
                break;
            }
            switch (arg.startsWith("--") ? arg.replaceFirst("=.*", "") : "") {
                case "--memory" -> memoryBytes = Math.min(LARGEST_MB, Long.parseLong(value)) << 20;
                case "--stop" -> stopAfter = X86Boot.number(value);
                case "--threshold" -> threshold = Integer.parseInt(value);
                case "--warm" -> warm = Integer.parseInt(value);
                case "--locals" -> locals = true;
                case "--slice" -> slice = Integer.parseInt(value);
                case "--check" -> check = X86Boot.number(value);
                case "--replace" -> replaceEvery = Integer.parseInt(value);
                case "--seed" -> seed = Long.parseLong(value);
                case "" -> files.add(arg);
                default -> throw new IllegalArgumentException(arg);
            }
        }
        if (files.isEmpty() || files.size() > 2) {
            throw new IllegalArgumentException("X86LockStep [options] KERNEL [INITRD] [-- COMMAND LINE...]");
        }
    }

    private int runAndLookCloser() throws BootException {
        LockStepRun.@Nullable Difference first = null;
        for (int attempt = 0; attempt < 2; attempt++) {
            try {
                run(first);
                if (first == null) {
                    return 0;
                }
                System.err.println("The second run found no difference: it depends on where regions are left.");
            } catch (LockStepRun.Difference e) {
                System.out.flush();
                System.err.println(e.getMessage());
                first = e;
            }
        }
        return 1;
    }

    private void run(LockStepRun.@Nullable Difference before) throws BootException, LockStepRun.Difference {
        final ImmediateTranslation translation =
                new ImmediateTranslation(new TranslatorOptions(locals, 250, warm, 64L << 20));
        final GuestMemory[] memories = new GuestMemory[2];
        final LockStepMachine[] machines = new LockStepMachine[2];
        for (int i = 0; i < 2; i++) {
            final GuestMemory memory =
                    GuestMemory.map(MemFd.createSealed("guest", memoryBytes).fd(), memoryBytes);
            final BootPlan plan = X86Boot.load(memory, memoryBytes, 1, files, commandLine);
            memories[i] = memory;
            machines[i] = new LockStepMachine(
                    i == 0 ? translation : null,
                    threshold,
                    i == 0 && before == null ? System.out : OutputStream.nullOutputStream(),
                    physical -> map(physical, memory));
            machines[i].vcpu.setBootState(plan.state());
        }
        final LockStepRun run = new LockStepRun(
                machines[0],
                machines[1],
                new MemorySegment[] {
                    memories[0].segment(memories[0].regions().getFirst()),
                    memories[1].segment(memories[1].regions().getFirst())
                },
                seed,
                slice,
                check);
        if (replaceEvery != 0) {
            run.replaceEvery(replaceEvery, null, true);
        }
        if (before != null) {
            run.lookCloser(before.slice, before.address);
        }
        final long startNs = System.nanoTime();
        final boolean ended;
        try {
            ended = run.run(stopAfter);
        } finally {
            System.err.printf(
                    "%n%,d instructions compared in %.1f s; %,d machines saved and loaded; %s%n",
                    run.retired(), (System.nanoTime() - startNs) / 1e9, run.replacements(), translation);
        }
        System.err.println(ended ? "The guest has ended the machine." : "Stopped.");
    }

    private static void map(PhysicalMemory physical, GuestMemory memory) {
        int slot = 0;
        for (final GuestMemory.Region region : memory.regions()) {
            physical.map(slot++, region.guestPhysicalAddress(), region.lengthBytes(), memory.segment(region), false);
        }
    }
}
