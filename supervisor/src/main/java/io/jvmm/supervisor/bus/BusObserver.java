package io.jvmm.supervisor.bus;

import io.aeron.Aeron;
import io.aeron.Subscription;
import io.aeron.exceptions.AeronException;
import io.aeron.logbuffer.FragmentHandler;
import io.jvmm.supervisor.telemetry.Telemetry;
import io.jvmm.supervisor.telemetry.TelemetryCodec;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.AgentInvoker;
import org.jspecify.annotations.Nullable;

/**
 * An observer's end of the stream. It reads when it likes, and is told how much it has missed: sequence numbers have no gaps. When it has not come
 * round for ten seconds, as after SIGSTOP, the stream has let go of it: {@link #isAlive} is false then, and it opens another. A record of a type that it does not
 * know, or that is none, is skipped; a stream of another version is left alone: {@link #otherVersion}. One thread.
 */
public final class BusObserver implements AutoCloseable {
    private static final int RECORDS_AT_ONCE = 64;

    private final Aeron aeron;
    private final AgentInvoker conductor;
    private final Subscription subscription;
    private final TelemetryCodec codec = new TelemetryCodec();
    private OptionalInt otherVersion = OptionalInt.empty();
    /** What a consumer has thrown: Aeron gives that to its error handler, and goes on. */
    private @Nullable RuntimeException thrown;

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
        } catch (AeronException | InternalError e) { // the latter for a mapped file whose disk is full
            throw new IllegalStateException(
                    "the stream of telemetry cannot be joined, or did not begin: its disk may be full; see: df "
                            + directory.getParent(),
                    e);
        }
    }

    /** Gives what has come; how much that was. What the consumer throws comes out of here. */
    public int poll(Consumer<Telemetry.Envelope> consumer) {
        return poll(consumer, sequence -> {});
    }

    /**
     * The same.
     *
     * @param skipped is given the sequence number of each record that this program cannot read
     */
    public int poll(Consumer<Telemetry.Envelope> consumer, LongConsumer skipped) {
        conductor.invoke();
        if (!isAlive()) {
            return 0;
        }
        FragmentHandler handler = (buffer, offset, length, header) -> take(buffer, offset, length, consumer, skipped);
        int count = subscription.poll(handler, RECORDS_AT_ONCE);
        RuntimeException bug = thrown;
        if (bug != null) {
            thrown = null;
            throw bug;
        }
        return count;
    }

    private void take(
            DirectBuffer buffer, int offset, int length, Consumer<Telemetry.Envelope> consumer, LongConsumer skipped) {
        int version = TelemetryCodec.version(buffer, offset, length);
        if (version != TelemetryCodec.VERSION) {
            otherVersion = OptionalInt.of(version);
        } else if (thrown == null) {
            Optional<Telemetry.Envelope> read = read(buffer, offset, length);
            try {
                read.ifPresentOrElse(consumer, () -> skipped.accept(TelemetryCodec.sequence(buffer, offset)));
            } catch (RuntimeException e) {
                thrown = e;
            }
        }
    }

    private Optional<Telemetry.Envelope> read(DirectBuffer buffer, int offset, int length) {
        try {
            return Optional.of(codec.decode(buffer, offset, length));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    /** The version of what comes, where that is not ours and nothing is given therefore; -1 where it is no such thing. */
    public OptionalInt otherVersion() {
        return otherVersion;
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
