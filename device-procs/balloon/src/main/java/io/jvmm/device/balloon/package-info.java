/** The virtio balloon device process. */
@NullMarked
package io.jvmm.device.balloon;

import org.jspecify.annotations.NullMarked;
