/**
 * The trace of one device: everything that goes into its pure core, and everything that comes out of it, in one order, so that the core can
 * live the same life again ({@code PROTOCOL.md}, "Trace"). Depends on {@code ipc.memory}, {@code ipc.ring}, {@code ipc.sys} and Agrona's buffers.
 *
 * <p>Start with {@link io.jvmm.ipc.trace.Tape}, which is all that a device sees of it, then {@link io.jvmm.ipc.trace.RecordType}.
 *
 * <p><b>An adapter</b> stands between a core and something that is not deterministic, and is written once for both directions: recording, the
 * tape takes down what the host answers; in a replay there is no host, and the tape gives that answer again.
 *
 * <pre>
 *   public long fill(GuestMemory memory, long offset, int lengthBytes) {
 *       tape.output(FILL, offset, lengthBytes, 0);                  // what the core asks for: compared in a replay
 *       long filled = tape.live() ? source.fill(memory, offset, lengthBytes) : 0;
 *       return tape.answer(FILL, filled);                           // what it gets: taken from the tape in a replay
 *   }
 * </pre>
 *
 * <p>What the host's side calls by itself (a completion, a frame that came) is written with {@link io.jvmm.ipc.trace.Tape#call} before the core is
 * called, from a wrapper that exists only while recording; in a replay {@code io.jvmm.device.api.trace.HostCalls} makes the same call. Methods from
 * 64 on are the device's own and stand in an enum of its module. All of a tape happens on the device thread.
 */
@NullMarked
package io.jvmm.ipc.trace;

import org.jspecify.annotations.NullMarked;
