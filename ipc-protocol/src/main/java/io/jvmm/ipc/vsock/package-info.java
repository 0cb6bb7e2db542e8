/**
 * How the vsock process, which can reach no path, has the supervisor connect to the unix sockets behind the host's ports: small
 * datagrams over a SEQPACKET socket. PROTOCOL.md, "Vsock connect channel". Depends on {@code ipc.sys}. Start with
 * {@link io.jvmm.ipc.vsock.VsockConnectLayout}; the supervisor's side is {@link io.jvmm.ipc.vsock.VsockConnectServer}, the
 * device's {@link io.jvmm.ipc.vsock.VsockConnectClient}.
 */
@NullMarked
package io.jvmm.ipc.vsock;

import org.jspecify.annotations.NullMarked;
