/**
 * The x87 unit: 80-bit extended precision in integer arithmetic. State and arithmetic are pure and depend on nothing. Start at {@link io.jvmm.vcpu.x86.fpu.X87}.
 */
@NullMarked
package io.jvmm.vcpu.x86.fpu;

import org.jspecify.annotations.NullMarked;
