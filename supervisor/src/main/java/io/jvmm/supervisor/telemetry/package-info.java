/**
 * What a running machine tells those who watch it: events of its life, what its processes count and use, what they log, requests that are
 * traced. Counters come from pages that jailed processes write ({@code ipc.counters}) and are believed only as far as they are
 * possible. Depends on {@code ipc-protocol} and on nothing of the supervisor's; {@code lifecycle} feeds it, {@code bus} carries it,
 * {@code ctl} shows it. Start at {@link io.jvmm.supervisor.telemetry.TelemetryHub}; the bytes are in {@link
 * io.jvmm.supervisor.telemetry.TelemetryCodec}.
 */
@NullMarked
package io.jvmm.supervisor.telemetry;

import org.jspecify.annotations.NullMarked;
