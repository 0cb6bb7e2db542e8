/**
 * Instruction bytes to {@link io.jvmm.vcpu.x86.decode.Insn}: all forms of x86-64-v2, x87 and the legacy modes. Pure, depends on nothing. Start at {@link io.jvmm.vcpu.x86.decode.Op}.
 */
@NullMarked
package io.jvmm.vcpu.x86.decode;

import org.jspecify.annotations.NullMarked;
