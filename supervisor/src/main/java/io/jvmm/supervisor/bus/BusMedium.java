package io.jvmm.supervisor.bus;

import io.aeron.Aeron;
import io.aeron.Publication;
import io.aeron.driver.MediaDriver;
import io.aeron.driver.ThreadingMode;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.NoOpIdleStrategy;

/**
 * An embedded media driver with one stream, worked by the thread that calls it: no thread of Aeron's own, no socket, 13 MB of files of which
 * most are never touched. Observers are not tethered: one that does not read is left behind after a tenth of a second and may join
 * again where the stream is then; until then records wait in {@link TelemetryBus}.
 */
final class BusMedium implements AutoCloseable {
    static final int STREAM = 1;
    static final String CHANNEL = "aeron:ipc?term-length=256k";
    static final String OBSERVER_CHANNEL = "aeron:ipc?tether=false";

    private static final int TERM_BYTES = 256 * 1024;
    private static final int COUNTERS_BYTES = 1024 * 1024;
    private static final long TIMER_NS = TimeUnit.MILLISECONDS.toNanos(20);
    private static final long LEFT_BEHIND_NS = TimeUnit.MILLISECONDS.toNanos(50);
    private static final long LIVENESS_NS = TimeUnit.SECONDS.toNanos(10);

    private final MediaDriver driver;
    private final Aeron aeron;
    private final Publication publication;

    /** Starts it in a directory that it may fill and removes at its end. */
    BusMedium(Path directory) {
        driver = MediaDriver.launch(new MediaDriver.Context()
                .aeronDirectoryName(directory.toString())
                .threadingMode(ThreadingMode.INVOKER)
                .sharedIdleStrategy(NoOpIdleStrategy.INSTANCE)
                .dirDeleteOnStart(true)
                .dirDeleteOnShutdown(true)
                .warnIfDirectoryExists(false)
                .performStorageChecks(false)
                .ipcTermBufferLength(TERM_BYTES)
                .counterValuesBufferLength(COUNTERS_BYTES)
                .timerIntervalNs(TIMER_NS)
                .clientLivenessTimeoutNs(LIVENESS_NS)
                .publicationUnblockTimeoutNs(2 * LIVENESS_NS)
                .untetheredWindowLimitTimeoutNs(LEFT_BEHIND_NS)
                .untetheredLingerTimeoutNs(LEFT_BEHIND_NS)
                .untetheredRestingTimeoutNs(2 * LEFT_BEHIND_NS)
                .errorHandler(BusMedium::ignore));
        aeron = Aeron.connect(new Aeron.Context()
                .aeronDirectoryName(directory.toString())
                .useConductorAgentInvoker(true)
                .driverAgentInvoker(driver.sharedAgentInvoker())
                .errorHandler(BusMedium::ignore));
        publication = aeron.addExclusivePublication(CHANNEL, STREAM);
    }

    /** What goes wrong shows as records that observers are told they have lost. */
    private static void ignore(Throwable trouble) {
        System.getLogger("jvmm").log(System.Logger.Level.DEBUG, "bus", trouble);
    }

    /** A duty cycle of driver and client. Must come round several times a second. */
    void work() {
        driver.sharedAgentInvoker().invoke();
        aeron.conductorAgentInvoker().invoke();
    }

    /** What became of a record. */
    enum Offered {
        SENT,
        /** There is no room just now. */
        LATER,
        /** Nobody is there. */
        NOBODY
    }

    Offered offer(DirectBuffer buffer, int length) {
        long result = publication.offer(buffer, 0, length);
        if (result > 0) {
            return Offered.SENT;
        }
        return result == Publication.NOT_CONNECTED ? Offered.NOBODY : Offered.LATER;
    }

    boolean hasObservers() {
        return publication.isConnected();
    }

    /** Whether the driver has not ended by itself. */
    boolean isAlive() {
        return !aeron.isClosed() && !publication.isClosed();
    }

    @Override
    public void close() {
        aeron.close();
        driver.close();
    }
}
