/**
 * The compiler from a policy to classic BPF, a simulator and a disassembler for it, and the command the build and a reviewer run
 * ({@link io.jvmm.policy.bpf.PolicyTool}). May depend on {@code io.jvmm.policy.parse}. Start reading at
 * {@link io.jvmm.policy.bpf.PolicyCompiler}.
 */
@NullMarked
package io.jvmm.policy.bpf;

import org.jspecify.annotations.NullMarked;
