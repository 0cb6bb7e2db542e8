/** The 16550A serial device. */
@NullMarked
package io.jvmm.device.serial;

import org.jspecify.annotations.NullMarked;
