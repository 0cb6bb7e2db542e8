/**
 * How parts of a machine, of the software processor or of the board, are written to a state segment and taken back: one walk over the fields for both
 * directions. Depends on nothing. Start at {@link io.jvmm.vcpu.state.StateCursor}; the maps are in
 * {@code io.jvmm.vcpu.x86.X86StateLayout} and {@code io.jvmm.vcpu.board.pci.PciStateLayout}.
 */
@NullMarked
package io.jvmm.vcpu.state;

import org.jspecify.annotations.NullMarked;
