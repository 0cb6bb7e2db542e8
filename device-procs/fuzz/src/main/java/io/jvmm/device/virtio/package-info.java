/** What the fuzzer has to reach of virtio that is nobody's but the queues' own. */
@NullMarked
package io.jvmm.device.virtio;

import org.jspecify.annotations.NullMarked;
