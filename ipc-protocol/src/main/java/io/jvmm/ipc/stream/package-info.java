/**
 * The memory of a port that is wired to a unix socket, shared by the supervisor, which makes it, and one device process after the
 * other. Depends on nothing. Start at {@link io.jvmm.ipc.stream.PortStreamLayout}.
 */
@NullMarked
package io.jvmm.ipc.stream;

import org.jspecify.annotations.NullMarked;
