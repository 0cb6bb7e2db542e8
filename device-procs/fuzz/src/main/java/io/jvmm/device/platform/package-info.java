/** What the fuzzer has to reach of the platform device that is nobody's but the device's own. */
@NullMarked
package io.jvmm.device.platform;

import org.jspecify.annotations.NullMarked;
