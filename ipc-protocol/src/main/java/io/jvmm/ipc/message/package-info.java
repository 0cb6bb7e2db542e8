/**
 * Every message of every link: the whole boundary between jvmm's processes. One enum a direction names the messages
 * ({@link io.jvmm.ipc.message.DeviceRequestType}, {@link io.jvmm.ipc.message.DeviceEventType},
 * {@link io.jvmm.ipc.message.SupervisorRequestType}, {@link io.jvmm.ipc.message.SupervisorEventType}), one
 * {@code *Layout} draws their bytes, one {@code *Proxy} writes them and one {@code *Adapter} reads and validates them.
 * Depends on {@code ipc.ring}. Start with {@code PROTOCOL.md}, section "Messages", then the layouts.
 */
@NullMarked
package io.jvmm.ipc.message;

import org.jspecify.annotations.NullMarked;
