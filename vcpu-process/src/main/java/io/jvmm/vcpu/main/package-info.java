/**
 * The vCPU process: wires an engine to the board and lives the life the supervisor expects of a child.
 *
 * <p>{@link io.jvmm.vcpu.main.VcpuMain} is that life, one line a stage; start there. {@link io.jvmm.vcpu.main.VcpuCrew}
 * holds the threads that run the guest. This is the only package that knows both the board and an engine.
 */
@NullMarked
package io.jvmm.vcpu.main;

import org.jspecify.annotations.NullMarked;
