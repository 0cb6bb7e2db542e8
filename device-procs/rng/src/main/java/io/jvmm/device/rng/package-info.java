/** The virtio rng device process. */
@NullMarked
package io.jvmm.device.rng;

import org.jspecify.annotations.NullMarked;
