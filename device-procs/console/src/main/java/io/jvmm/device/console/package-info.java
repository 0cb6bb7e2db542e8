/** The virtio console device process. */
@NullMarked
package io.jvmm.device.console;

import org.jspecify.annotations.NullMarked;
