/**
 * The virtio entropy device process: random bytes of the kernel, straight into guest memory. Depends on {@code device.api},
 * {@code device.virtio} and {@code ipc}. Start reading at {@link io.jvmm.device.rng.RngCore}.
 */
@NullMarked
package io.jvmm.device.rng;

import org.jspecify.annotations.NullMarked;
