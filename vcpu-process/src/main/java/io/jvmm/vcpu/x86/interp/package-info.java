/**
 * The interpreter tier: decoded blocks as sequences of steps, the cache that holds them, and the loop that runs them. Depends on decode, cpu, mmu and fpu. Start at {@link io.jvmm.vcpu.x86.interp.Executor}.
 */
@NullMarked
package io.jvmm.vcpu.x86.interp;

import org.jspecify.annotations.NullMarked;
