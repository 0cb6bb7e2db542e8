/**
 * How parts of the software processor's machine are written to a state segment and taken back: one walk over the fields for both
 * directions. Depends on nothing. Start at {@link io.jvmm.vcpu.x86.state.StateCursor}; the map of the whole is in
 * {@code io.jvmm.vcpu.x86.X86StateLayout}.
 */
@NullMarked
package io.jvmm.vcpu.x86.state;

import org.jspecify.annotations.NullMarked;
