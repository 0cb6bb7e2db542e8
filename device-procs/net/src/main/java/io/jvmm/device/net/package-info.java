/**
 * The virtio network device (virtio 1.2 §5.1): a pure core between virtqueues and the ports that carry frames to the host,
 * a tap or passt. May depend on {@code device.virtio}, {@code device.api} and {@code ipc}. Start reading at
 * {@link io.jvmm.device.net.NetCore}; what a frame meets on its way out is {@link io.jvmm.device.net.Transmitter}, on its way
 * in {@link io.jvmm.device.net.Receiver}.
 */
@NullMarked
package io.jvmm.device.net;

import org.jspecify.annotations.NullMarked;
