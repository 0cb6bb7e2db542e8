/**
 * Virtio 1.2 over PCI, the device's side: registers of the transport, virtqueues, negotiation. A device module brings a
 * {@link io.jvmm.device.virtio.VirtioDevice} per function and a {@link io.jvmm.device.virtio.VirtioFactory}; it depends on
 * this package and on {@code device.api}, this package on {@code device.api} and {@code ipc}. Start reading at
 * {@link io.jvmm.device.virtio.VirtioDevice}.
 */
@NullMarked
package io.jvmm.device.virtio;

import org.jspecify.annotations.NullMarked;
