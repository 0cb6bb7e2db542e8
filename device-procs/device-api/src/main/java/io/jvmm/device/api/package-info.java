/** The life of a device process. */
@NullMarked
package io.jvmm.device.api;

import org.jspecify.annotations.NullMarked;
