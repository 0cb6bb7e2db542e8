/**
 * A jail tried from inside: what a process attempts ({@link io.jvmm.policy.probe.ProbeCatalog}, from a resource with a line for each
 * call), the shared segment over which it is told and answers ({@link io.jvmm.policy.probe.ProbeSegment}), what its filters
 * must do to each call ({@link io.jvmm.policy.probe.ProbePolicy}) and the table of what came of it
 * ({@link io.jvmm.policy.probe.ProbeTable}, where to start reading). Nothing here makes a system call: inside, {@code ProbeRunner} of
 * {@code io.jvmm.ipc.sys} does; the supervisor starts the processes. It may depend on {@code policy.bpf}, {@code policy.parse} and
 * {@code io.jvmm.ipc.sys}.
 */
@NullMarked
package io.jvmm.policy.probe;

import org.jspecify.annotations.NullMarked;
