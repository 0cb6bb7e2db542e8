/**
 * The software x86-64 processor as an engine: puts memory, interpreter, translator and interrupt controllers together and shows them
 * to the board as {@code vcpu.engine} wants it. Depends on the packages below it, on {@code vcpu.engine} and on {@code ipc.sys};
 * knows no device, no KVM. Start at {@link io.jvmm.vcpu.x86.X86Engine}, then {@link io.jvmm.vcpu.x86.X86Vcpu}.
 */
@NullMarked
package io.jvmm.vcpu.x86;

import org.jspecify.annotations.NullMarked;
