package io.jvmm.vcpu.x86.translate;

/**
 * How the translator works.
 *
 * @param registersInLocals guest registers live in local variables of the generated method; else in {@code cpu.r}
 * @param maxInstructions most instructions of one region
 * @param warmHits how often a block must have run to be taken into the region of a hot one
 * @param maxCodeBytes bytecodes of all live regions together; the oldest go first
 */
public record TranslatorOptions(boolean registersInLocals, int maxInstructions, int warmHits, long maxCodeBytes) {
    /**
     * What has proved best: under C1 registers in the array are 5 % faster in loops (a boot has not been compared); under C2 locals win most
     * loops. {@code -Djvmm.x86.locals=true} chooses locals.
     */
    public static final TranslatorOptions DEFAULT =
            new TranslatorOptions(Boolean.getBoolean("jvmm.x86.locals"), 250, 100, 24L << 20);

    /** Checks the bounds. */
    public TranslatorOptions {
        if (maxInstructions < 1 || maxInstructions > 1000 || maxCodeBytes < 0) {
            throw new IllegalArgumentException("translator options out of range");
        }
    }
}
