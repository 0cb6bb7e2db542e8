/**
 * The translator tier: hot regions of guest code (some blocks of one page) to JVM bytecode, one hidden class each. Depends on interp and
 * what it depends on, and on simd for what translated SSE code calls.
 *
 * <p>Start at {@link io.jvmm.vcpu.x86.translate.Translator}: a block comes in, {@code RegionSelector} gathers its warm neighbours,
 * {@code RegionPlan} decides what is emitted and which flags matter, {@code RegionEmitter} writes the method with the help of one
 * emitter for each subject (memory, flags, shifts, products, control transfer, SSE in three, everything else, and steps for what is not emitted).
 * {@code Exits} holds the ways out, which leave the processor exact; {@code Emitter} the local variables.
 */
@NullMarked
package io.jvmm.vcpu.x86.translate;

import org.jspecify.annotations.NullMarked;
