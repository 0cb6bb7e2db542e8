/**
 * The virtio block device process: disks for the guest, out of images that the supervisor opened. Depends on
 * {@code device.api}, {@code device.virtio} and {@code ipc}. Start reading at {@link io.jvmm.device.block.BlockDevice}; how
 * requests reach a medium is in {@link io.jvmm.device.block.IoPool}, what an image is in {@code image.BlockImage}.
 */
@NullMarked
package io.jvmm.device.block;

import org.jspecify.annotations.NullMarked;
