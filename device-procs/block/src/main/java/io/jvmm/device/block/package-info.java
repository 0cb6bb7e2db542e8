/** The virtio block device process. */
@NullMarked
package io.jvmm.device.block;

import org.jspecify.annotations.NullMarked;
