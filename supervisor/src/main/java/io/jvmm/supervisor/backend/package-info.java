/**
 * What a machine's devices are wired to on the host, opened here because no jailed process can open anything: streams, disk
 * images, taps, passt, sockets. Depends on {@code config} and on this module's {@code sys}. Start at {@link
 * io.jvmm.supervisor.backend.DeviceBackends}.
 */
@NullMarked
package io.jvmm.supervisor.backend;

import org.jspecify.annotations.NullMarked;
