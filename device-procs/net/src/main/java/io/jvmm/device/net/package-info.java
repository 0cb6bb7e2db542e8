/** The virtio net device process. */
@NullMarked
package io.jvmm.device.net;

import org.jspecify.annotations.NullMarked;
