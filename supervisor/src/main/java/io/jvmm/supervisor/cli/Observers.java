package io.jvmm.supervisor.cli;

import io.jvmm.supervisor.bus.TelemetryBus;
import io.jvmm.supervisor.launch.Backends;
import io.jvmm.supervisor.launch.RuntimeDirectory;
import io.jvmm.supervisor.lifecycle.MachineLoop;
import io.jvmm.supervisor.telemetry.MetricsServer;
import io.jvmm.supervisor.telemetry.OpenMetrics;
import io.jvmm.supervisor.telemetry.Samples;
import io.jvmm.supervisor.telemetry.TelemetryHub;
import java.util.Optional;

/** What observers of a machine have: they stay when the guest resets. */
record Observers(TelemetryHub hub, TelemetryBus bus, Optional<MetricsServer> metrics) implements AutoCloseable {
    static Observers of(RuntimeDirectory runtime, Backends backends) {
        TelemetryHub hub = new TelemetryHub();
        return new Observers(
                hub,
                new TelemetryBus(hub, runtime.scratch()),
                backends.metrics()
                        .map(listening -> new MetricsServer(
                                listening, () -> Samples.take(hub).map(OpenMetrics::of))));
    }

    void observe(MachineLoop loop) {
        loop.observedThrough(hub, bus::open);
    }

    @Override
    public void close() {
        metrics.ifPresent(MetricsServer::close);
        bus.close();
        hub.close();
    }
}
