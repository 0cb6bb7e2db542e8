package io.jvmm.vcpu.boot;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;

/** Loads real kernels and prints their plans: {@code LoaderTrial FILE...}. For people; not a test. */
final class LoaderTrial {
    private LoaderTrial() {}

    public static void main(String[] args) throws IOException {
        for (final String name : args) {
            final Machine m = new Machine(256);
            final Image kernel = Files.size(Path.of(name)) > Integer.MAX_VALUE - 8
                    ? null
                    : Image.of(name, MemorySegment.ofArray(Files.readAllBytes(Path.of(name))));
            if (kernel == null) {
                continue;
            }
            final long start = System.nanoTime();
            try {
                final BootPlan plan = m.boot(kernel, null, "console=ttyS0");
                System.out.print(plan.format(""));
            } catch (BootException e) {
                System.out.println(e.getClass().getSimpleName() + " " + e.getMessage());
            }
            System.out.println("  " + (System.nanoTime() - start) / 1_000_000 + " ms");
        }
    }
}
