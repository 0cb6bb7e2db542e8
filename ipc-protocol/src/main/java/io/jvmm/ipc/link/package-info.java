/**
 * A link joins two processes that do not trust one another: one sealed memfd with a request ring, an event ring, reply
 * slots and doorbell words, and an eventfd a direction. {@link io.jvmm.ipc.link.LinkMemory} makes and attaches it; each of
 * the four sides has an endpoint: {@link io.jvmm.ipc.link.BoardEndpoint} and {@link io.jvmm.ipc.link.DeviceEndpoint} on a
 * device link, {@link io.jvmm.ipc.link.SupervisorEndpoint} and {@link io.jvmm.ipc.link.ProcessEndpoint} on a supervisor
 * link. Depends on {@code ipc.message}, {@code ipc.ring} and {@code ipc.sys}. Start with {@code PROTOCOL.md}, section
 * "Link", then {@link io.jvmm.ipc.link.LinkLayout}.
 */
@NullMarked
package io.jvmm.ipc.link;

import org.jspecify.annotations.NullMarked;
