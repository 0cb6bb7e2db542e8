/**
 * The virtio memory balloon process: memory the guest does not need goes back to the host. Depends on {@code device.api},
 * {@code device.virtio} and {@code ipc}. Start reading at {@link io.jvmm.device.balloon.BalloonCore}.
 */
@NullMarked
package io.jvmm.device.balloon;

import org.jspecify.annotations.NullMarked;
