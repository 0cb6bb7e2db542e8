/**
 * The board's PCI: one root bus with a host bridge and, in a slot each, the functions that device processes have declared. The
 * configuration spaces, BARs, MSI-X tables and INTx gates of all of them are kept here; a device sees accesses to its registers and
 * kicks of its virtqueues, and signals eventfds.
 *
 * <p>May depend on {@code vcpu.board}, {@code vcpu.engine} and {@code ipc}; knows no engine's implementation. Start at
 * {@link io.jvmm.vcpu.board.pci.PciBus}, then {@link io.jvmm.vcpu.board.pci.Endpoint}.
 */
@NullMarked
package io.jvmm.vcpu.board.pci;

import org.jspecify.annotations.NullMarked;
