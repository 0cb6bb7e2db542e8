package io.jvmm.supervisor.telemetry;

import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Samples for threads that are not the event loop's, which gives what it knows and is not kept from its work. */
public final class Samples {
    private static final long PATIENCE_S = 2;

    private Samples() {}

    /** A whole one, with what the kernel says; nothing when there is no machine just now. Waits, two seconds at most. */
    public static Optional<Telemetry.Sample> take(TelemetryHub hub) {
        CompletableFuture<Telemetry.Sample> answer = new CompletableFuture<>();
        if (!hub.ask(new TelemetryHub.Request.Sample(answer::complete, false))) {
            return Optional.empty();
        }
        try {
            return Optional.of(whole(answer.get(PATIENCE_S, TimeUnit.SECONDS)));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Optional.empty();
        } catch (ExecutionException | TimeoutException e) {
            return Optional.empty();
        }
    }

    /** With what the kernel says of the processes. */
    public static Telemetry.Sample whole(Telemetry.Sample sample) {
        return new Telemetry.Sample(
                sample.machine(),
                sample.processes().stream()
                        .map(p -> p.with(ProcessUsage.of(p.pid())))
                        .toList(),
                sample.durations(),
                sample.recorded(),
                sample.sinceMs());
    }
}
