/**
 * The virtio socket device (virtio 1.2 §5.10): stream sockets between the guest's AF_VSOCK and unix sockets of the host, by
 * Firecracker's convention. Depends on {@code io.jvmm.device.virtio}, {@code io.jvmm.device.api} and {@code io.jvmm.ipc}. Start
 * reading at {@link io.jvmm.device.vsock.VsockDevice}, then {@code Switchboard}, which knows the connections; {@code FromGuest}
 * and {@code ToGuest} are the two directions, {@code UnixHostSide} the sockets.
 */
@NullMarked
package io.jvmm.device.vsock;

import org.jspecify.annotations.NullMarked;
