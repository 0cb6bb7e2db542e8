/**
 * The state segment: everything a guest can observe of a device, in a memfd that outlives the device's process, with the
 * commit rule that makes a kill at any instruction harmless, and what reads it from outside. Depends on {@code ipc.sys} and Agrona's
 * buffers. Start with {@code PROTOCOL.md}, section "State segment", then {@link io.jvmm.ipc.state.StateSegment}.
 */
@NullMarked
package io.jvmm.ipc.state;

import org.jspecify.annotations.NullMarked;
