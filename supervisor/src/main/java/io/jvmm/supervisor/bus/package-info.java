/**
 * Carries telemetry to observers on the host, over Aeron IPC. The only package that knows Aeron. Who may read the directory may read and spoil
 * the stream, so it is the user's alone (mode 0700) and nothing that a jailed process holds leads there. Depends on {@code
 * telemetry}. Start at {@link io.jvmm.supervisor.bus.TelemetryBus}; the observer's end is {@link io.jvmm.supervisor.bus.BusObserver}.
 */
@NullMarked
package io.jvmm.supervisor.bus;

import org.jspecify.annotations.NullMarked;
