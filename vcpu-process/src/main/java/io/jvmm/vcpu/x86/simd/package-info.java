/**
 * MMX and SSE to SSE4.2 as steps of the interpreter tier: vectors as pairs of longs, floating point in Java's own arithmetic where that
 * is surely right and in integers elsewhere. Depends on cpu, decode, fpu's state, and of interp on {@code StepFactory} and
 * {@code Address} alone. Start at {@link io.jvmm.vcpu.x86.simd.SimdFactory}, then {@link io.jvmm.vcpu.x86.simd.XmmStep}. Translated code calls {@code QuickFloat}, {@code Halves} and {@code Vectors}.
 */
@NullMarked
package io.jvmm.vcpu.x86.simd;

import org.jspecify.annotations.NullMarked;
