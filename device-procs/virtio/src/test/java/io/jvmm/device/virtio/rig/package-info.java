/**
 * A virtio driver for tests of devices, written from virtio 1.2 and not from the device's code, with a machine around it that can be
 * killed at any commit. Depends on {@code device.virtio} and {@code device.api} only for what makes a device. Start reading at
 * {@link io.jvmm.device.virtio.rig.VirtioRig}; seeded fuzz of a whole device is {@link io.jvmm.device.virtio.rig.ChainFuzz}.
 */
@NullMarked
package io.jvmm.device.virtio.rig;

import org.jspecify.annotations.NullMarked;
