/**
 * MMX and SSE to SSE4.2. Depends on cpu, decode and fpu. Start at the step factory.
 */
@NullMarked
package io.jvmm.vcpu.x86.simd;

import org.jspecify.annotations.NullMarked;
