package io.jvmm.device.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.api.trace.CoreReplay;
import io.jvmm.ipc.Allocations;
import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.ring.HardenedReader;
import io.jvmm.ipc.trace.BatchReader;
import io.jvmm.ipc.trace.LifeSummary;
import io.jvmm.ipc.trace.RecordType;
import io.jvmm.ipc.trace.TraceBuffer;
import io.jvmm.ipc.trace.TraceFormatException;
import io.jvmm.ipc.trace.TraceRing;
import java.util.Objects;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A device process that is recorded, over real links, with the test for a supervisor, a board and a recorder. */
@Timeout(120)
class RecordedDeviceTest {
    private static final int ROUNDS = 2_000;

    private final EchoDevice factory = new EchoDevice();
    private final LiveDevice device;
    private final TraceRing ring;
    private final HardenedReader reader;
    private final TraceBuffer trace = new TraceBuffer();

    RecordedDeviceTest() {
        ScratchSupervisor peer = new ScratchSupervisor(factory, 0);
        peer.record(true);
        device = new LiveDevice(factory, peer, "wait.spin-ns", "2000");
        ring = Objects.requireNonNull(peer.trace());
        reader = ring.reader(0);
        peer.awaitReady();
        peer.request(SupervisorRequestType.START);
    }

    @AfterEach
    void close() {
        device.close();
    }

    private void round(int value) {
        device.peer.board().write(0, EchoDevice.MEMORY, 0, 4, value);
        device.peer.board().write(0, EchoDevice.CONTROL, 0, 1, 0);
        assertEquals(value, (int) device.peer.board().read(0, EchoDevice.MEMORY, 0, 4));
    }

    private void take() {
        while (reader.next()) {
            trace.publish(reader.message(), reader.length());
            reader.release();
        }
    }

    private CoreReplay.Result replay() throws Exception {
        try (CoreReplay replay = new CoreReplay(factory, trace.source(), CoreReplay.Watcher.NONE)) {
            return replay.run();
        }
    }

    @Test
    void itsLifeIsWholeAndTheSame() throws Exception {
        for (int i = 0; i < ROUNDS; i++) {
            round(i);
            take();
        }
        device.peer.request(SupervisorRequestType.STOP);
        assertEquals(ProcessExit.STOPPED, device.awaitExit());
        take();
        LifeSummary summary = LifeSummary.of(trace.source());
        assertTrue(summary.ended());
        assertFalse(summary.hasGap());
        assertTrue(summary.lastTransaction() >= 3 * ROUNDS, summary.lastTransaction() + " transactions");
        CoreReplay.Result result = replay();
        assertTrue(result.same(), result.toString());
        assertEquals(summary.lastTransaction(), result.transaction());
        assertEquals("ended with 0", result.end());
    }

    @Test
    void noAllocationPerMessage() {
        Allocations.assertNoneIn(
                "both sides",
                () -> {
                    for (int i = 0; i < ROUNDS; i++) {
                        round(i);
                        while (reader.next()) {
                            reader.release();
                        }
                    }
                },
                device.thread);
        assertEquals(null, reader.violation());
    }

    /** A recorder that stands still costs the device one wait, and the rest of its trace. */
    @Test
    void aFullRingIsAGapAndTheDeviceGoesOn() throws Exception {
        int rounds = 0;
        while (!device.peer.log().lastLine.contains("gap")) {
            for (int i = 0; i < ROUNDS; i++) {
                round(rounds++);
            }
            device.peer.request(SupervisorRequestType.PING);
        }
        take();
        round(-1);
        device.peer.request(SupervisorRequestType.STOP);
        assertEquals(ProcessExit.STOPPED, device.awaitExit());
        take();
        LifeSummary summary = LifeSummary.of(trace.source());
        assertTrue(summary.hasGap());
        CoreReplay.Result result = replay();
        assertTrue(result.same(), result.toString());
        assertEquals(lastBeforeTheGap(), result.transaction());
        assertTrue(result.end().contains("gap"), result.end());
    }

    private long lastBeforeTheGap() throws TraceFormatException {
        BatchReader record = new BatchReader();
        long transaction = 0;
        for (byte[] batch : trace.batches()) {
            record.wrap(new UnsafeBuffer(batch), 0, batch.length);
            while (record.next()) {
                if (record.type() == RecordType.GAP) {
                    return transaction;
                }
                transaction = record.type() == RecordType.COMMIT ? record.value() : transaction;
            }
        }
        throw new AssertionError("no gap");
    }
}
