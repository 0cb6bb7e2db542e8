package io.jvmm.supervisor.bus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.message.LogLevel;
import io.jvmm.supervisor.telemetry.Telemetry;
import io.jvmm.supervisor.telemetry.TelemetryHub;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The stream with observers that come, go and do not read. */
class TelemetryBusTest {
    @TempDir
    Path directory;

    private final TelemetryHub hub = new TelemetryHub();
    private TelemetryBus bus = new TelemetryBus(hub, Path.of("/"));

    @BeforeEach
    void open() {
        bus = new TelemetryBus(hub, directory);
    }

    @AfterEach
    void nothingStays() throws IOException {
        bus.close();
        hub.close();
        try (Stream<Path> left = Files.list(directory)) {
            assertEquals(List.of(), left.toList());
        }
    }

    private static void await(String what, BooleanSupplier condition) {
        long endNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < endNs, what);
            LockSupport.parkNanos(1_000_000);
        }
    }

    private void say(int i) {
        hub.tell(new Telemetry.Log(LogLevel.INFO, "test", "number " + i));
    }

    /** What an observer has read, with what it can tell of what it has missed. */
    private static final class Reader {
        final List<Long> sequences = new ArrayList<>();

        void read(BusObserver observer) {
            observer.poll(e -> sequences.add(e.sequence()));
        }

        long lost() {
            return sequences.isEmpty() ? 0 : sequences.getLast() - sequences.getFirst() + 1 - sequences.size();
        }
    }

    @Test
    void nobodyPaysBeforeSomebodyAsks() {
        assertFalse(bus.isOpen());
        assertFalse(hub.isWatched());
        say(1);
        assertTrue(hub.history().isEmpty(), "logs are not kept");
        hub.event(Telemetry.Kind.RUNNING, LogLevel.INFO, "", 0, -1, "runs");
        assertEquals(1, hub.history().getFirst().sequence());
    }

    @Test
    void everythingComesInOrderToAllAndTheDirectoryIsTheUsersAlone() throws IOException {
        Path stream = bus.open();
        try (BusObserver one = new BusObserver(stream);
                BusObserver two = new BusObserver(stream)) {
            await("joined", one::isConnected);
            await("joined, too", two::isConnected);
            Path parent = stream.getParent();
            assertEquals(
                    PosixFilePermissions.fromString("rwx------"),
                    Files.getPosixFilePermissions(parent == null ? stream : parent));
            for (int i = 0; i < 2_000; i++) {
                say(i);
            }
            Reader first = new Reader();
            Reader second = new Reader();
            await("all has come", () -> {
                first.read(one);
                second.read(two);
                return first.sequences.size() + second.sequences.size() == 4_000;
            });
            assertEquals(0, first.lost() + second.lost());
            assertEquals(first.sequences, second.sequences);
        }
    }

    /** One that does not read is left behind: the others miss nothing meanwhile, and it is told exactly what it missed. */
    @Test
    void whoDoesNotReadStopsNobodyAndIsToldWhatItMissed() {
        Path stream = bus.open();
        try (BusObserver reading = new BusObserver(stream);
                BusObserver stopped = new BusObserver(stream)) {
            await("joined", reading::isConnected);
            await("joined, too", stopped::isConnected);
            Reader reads = new Reader();
            Reader stops = new Reader();
            say(0);
            await("both have the first", () -> {
                reads.read(reading);
                stops.read(stopped);
                return !reads.sequences.isEmpty() && !stops.sequences.isEmpty();
            });
            String text = "x".repeat(400);
            long longestNs = 0;
            int said = 1;
            for (int round = 0; round < 400; round++) {
                for (int i = 0; i < 20; i++) {
                    long before = System.nanoTime();
                    hub.tell(new Telemetry.Log(LogLevel.INFO, "test", text));
                    longestNs = Math.max(longestNs, System.nanoTime() - before);
                    said++;
                }
                LockSupport.parkNanos(2_000_000);
                reads.read(reading);
                assertTrue(stopped.isConnected() || stopped.isAlive()); // its conductor lives, it only reads nothing
            }
            int all = said;
            await("the other has all", () -> {
                reads.read(reading);
                return reads.sequences.size() == all;
            });
            assertEquals(0, reads.lost());
            System.out.println("longest tell: " + longestNs / 1000 + " us");
            int[] more = {said};
            await("it is back", () -> {
                say(more[0]++);
                stops.read(stopped);
                return stops.sequences.size() > 1 && stops.sequences.getLast() > all;
            });
            // What it got and what it missed is everything between its first and its last.
            assertTrue(stops.lost() > 0, "it has missed something");
            assertEquals(
                    stops.sequences.getLast() - stops.sequences.getFirst() + 1, stops.sequences.size() + stops.lost());
            for (int i = 1; i < stops.sequences.size(); i++) {
                assertTrue(stops.sequences.get(i) > stops.sequences.get(i - 1), "nothing twice");
            }
        }
    }

    @Test
    void whatAConsumerThrowsIsNotLost() {
        Path stream = bus.open();
        try (BusObserver observer = new BusObserver(stream)) {
            await("joined", observer::isConnected);
            say(1);
            say(2);
            IllegalStateException[] bug = new IllegalStateException[1];
            await("it comes", () -> {
                try {
                    observer.poll(e -> {
                        throw new IllegalStateException("a bug with record " + e.sequence());
                    });
                } catch (IllegalStateException e) {
                    bug[0] = e;
                }
                return bug[0] != null;
            });
            assertEquals("a bug with record 1", bug[0].getMessage());
        }
    }

    @Test
    void observersComeAndGoAHundredTimes() {
        Path stream = bus.open();
        for (int i = 0; i < 100; i++) {
            assertEquals(stream, bus.open());
            try (BusObserver observer = new BusObserver(stream)) {
                Reader reader = new Reader();
                await("joined", observer::isConnected);
                int number = i;
                await("something comes", () -> {
                    say(number);
                    reader.read(observer);
                    return !reader.sequences.isEmpty();
                });
                assertEquals(0, reader.lost());
            }
        }
        assertTrue(bus.isOpen());
    }

    @Test
    void itEndsAfterTheLastObserverAndBeginsAgainForTheNext() {
        bus = new TelemetryBus(hub, directory, 3_000_000_000L, 200_000_000L, TelemetryBus.Host.REAL);
        Path first = bus.open();
        try (BusObserver observer = new BusObserver(first)) {
            await("joined", observer::isConnected);
        }
        await("it ends", () -> !bus.isOpen());
        assertFalse(hub.isWatched());
        assertFalse(Files.exists(first));
        Path second = bus.open();
        assertFalse(second.equals(first));
        try (BusObserver observer = new BusObserver(second)) {
            await("joined again", observer::isConnected);
        }
    }

    /** A fault in a mapped file comes as an InternalError; what the driver had made goes, and the machine does not hear of it. */
    @Test
    void onAFullDiskThereIsNoStreamAndNothingStays() {
        List<Throwable> uncaught = new CopyOnWriteArrayList<>();
        bus = new TelemetryBus(
                hub,
                directory,
                1_000_000_000L,
                1_000_000_000L,
                new TelemetryBus.Host(
                        r -> Thread.ofPlatform()
                                .uncaughtExceptionHandler((_, e) -> uncaught.add(e))
                                .start(r),
                        aeron -> {
                            try {
                                Files.createDirectory(aeron);
                                Files.createFile(aeron.resolve("cnc.dat"));
                            } catch (IOException e) {
                                throw new UncheckedIOException(e);
                            }
                            throw new InternalError("a fault occurred in an unsafe memory access operation");
                        }));
        Path stream = bus.open();
        await("it is over", () -> !bus.isOpen());
        assertFalse(hub.isWatched());
        assertFalse(Files.exists(stream));
        assertEquals(List.of(), uncaught);
    }

    @Test
    void withoutAThreadTheEventLoopGoesOnAndIsToldWhy() {
        bus = new TelemetryBus(
                hub,
                directory,
                1_000_000_000L,
                1_000_000_000L,
                new TelemetryBus.Host(
                        _ -> {
                            throw new OutOfMemoryError("unable to create native thread");
                        },
                        _ -> {
                            throw new AssertionError("never");
                        }));
        UncheckedIOException e = assertThrows(UncheckedIOException.class, () -> bus.open());
        assertTrue(String.valueOf(e.getMessage()).contains("the stream of telemetry has no thread"), e::getMessage);
        assertFalse(hub.isWatched(), "nobody carries anything");
    }
}
