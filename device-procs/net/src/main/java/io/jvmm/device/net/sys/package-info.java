/** The one control call the network device makes of a tap. May depend on {@code ipc.sys} only. */
@NullMarked
package io.jvmm.device.net.sys;

import org.jspecify.annotations.NullMarked;
