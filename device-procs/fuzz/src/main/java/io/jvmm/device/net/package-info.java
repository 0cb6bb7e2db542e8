/** What the fuzzer has to reach of the network device that is nobody's but the device's own. */
@NullMarked
package io.jvmm.device.net;

import org.jspecify.annotations.NullMarked;
