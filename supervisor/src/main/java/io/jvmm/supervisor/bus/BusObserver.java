package io.jvmm.supervisor.bus;

import io.aeron.Aeron;
import io.aeron.Subscription;
import io.aeron.exceptions.AeronException;
import io.aeron.logbuffer.FragmentHandler;
import io.jvmm.supervisor.telemetry.Telemetry;
import io.jvmm.supervisor.telemetry.TelemetryCodec;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.agrona.concurrent.AgentInvoker;

/**
 * An observer's end of the stream. It reads when it likes, and is told how much it has missed: sequence numbers have no gaps. When it has not come
 * round for ten seconds, as after SIGSTOP, the stream has let go of it: {@link #isAlive} is false then, and it opens another. One thread.
 */
public final class BusObserver implements AutoCloseable {
    private static final int RECORDS_AT_ONCE = 64;

    private final Aeron aeron;
    private final AgentInvoker conductor;
    private final Subscription subscription;
    private final TelemetryCodec codec = new TelemetryCodec();

    /**
     * Joins the stream.
     *
     * @param directory what the supervisor said
     * @throws IllegalStateException when there is none
     */
    public BusObserver(Path directory) {
        try {
            aeron = Aeron.connect(new Aeron.Context()
                    .aeronDirectoryName(directory.toString())
                    .driverTimeoutMs(TimeUnit.SECONDS.toMillis(10))
                    .useConductorAgentInvoker(true)
                    .errorHandler(trouble -> {}));
            conductor = aeron.conductorAgentInvoker();
            subscription = aeron.addSubscription(BusMedium.OBSERVER_CHANNEL, BusMedium.STREAM);
        } catch (AeronException e) {
            throw new IllegalStateException("the stream in " + directory + " cannot be joined: " + e.getMessage(), e);
        }
    }

    /** Gives what has come; how much that was. */
    public int poll(Consumer<Telemetry.Envelope> consumer) {
        conductor.invoke();
        if (!isAlive()) {
            return 0;
        }
        FragmentHandler handler =
                (buffer, offset, length, header) -> consumer.accept(codec.decode(buffer, offset, length));
        return subscription.poll(handler, RECORDS_AT_ONCE);
    }

    /** Whether the stream is there for it. */
    public boolean isConnected() {
        conductor.invoke();
        return isAlive() && subscription.isConnected();
    }

    /** Whether it has not been let go. */
    public boolean isAlive() {
        return !aeron.isClosed() && !subscription.isClosed();
    }

    @Override
    public void close() {
        aeron.close();
    }
}
