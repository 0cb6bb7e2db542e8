/** The virtio vsock device process. */
@NullMarked
package io.jvmm.device.vsock;

import org.jspecify.annotations.NullMarked;
