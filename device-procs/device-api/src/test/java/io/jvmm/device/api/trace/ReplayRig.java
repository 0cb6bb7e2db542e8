package io.jvmm.device.api.trace;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.api.DeviceFactory;
import io.jvmm.device.api.DeviceIdentity;
import io.jvmm.device.api.DeviceIdentity.Region;
import io.jvmm.device.api.ScratchMachine;
import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.trace.BatchReader;
import io.jvmm.ipc.trace.LifeSummary;
import io.jvmm.ipc.trace.RecordType;
import io.jvmm.ipc.trace.ReplayStop;
import io.jvmm.ipc.trace.TraceBuffer;
import io.jvmm.ipc.trace.TraceFormatException;
import io.jvmm.ipc.trace.TraceLayout;
import java.util.Map;
import java.util.SplittableRandom;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Whether a device lives a recorded life again: its exercise and then a hostile guest, whose memory changes while it is being read; recorded, replayed ten times, changed in one byte,
 * cut off, and killed in the middle. For tests of every device class.
 */
public final class ReplayRig {
    private static final int REPLAYS = 10;
    private static final int WORDS = 4_096;
    private static final int CHANGES = 12;
    private static final int[] WIDTHS = {1, 2, 4, 8};

    private final DeviceFactory factory;
    private final SplittableRandom random;
    private final TraceBuffer trace = new TraceBuffer();
    private final ScratchMachine machine;
    private final DeviceIdentity identity;

    /** A recorded machine of the example configuration. */
    public ReplayRig(DeviceFactory factory, long seed) {
        this.factory = factory;
        this.random = new SplittableRandom(seed);
        Map<String, String> entries = ScratchMachine.exampleEntries(factory);
        this.machine = new ScratchMachine(factory, factory.exampleConfig(), entries, trace);
        this.identity = factory.identity(factory.exampleConfig());
    }

    /** The machine, to drive it by hand. */
    public ScratchMachine machine() {
        return machine;
    }

    /** The whole examination. */
    public void examine(int accesses) throws Exception {
        factory.exercise(machine);
        misbehave(accesses);
        check();
        TraceBuffer second = new TraceBuffer();
        machine.killAndAdopt(second);
        factory.exercise(machine);
        misbehave(accesses / 4);
        machine.end(ProcessExit.STOPPED);
        CoreReplay.Result result = replay(second, machine.state());
        assertEquals("ended with 0", result.end());
    }

    /** What has been recorded so far is lived again. */
    public void check() throws Exception {
        LifeSummary summary = LifeSummary.of(trace.source());
        assertFalse(summary.hasGap());
        CoreReplay.Result first = replay(trace, machine.state());
        assertEquals(summary.lastTransaction(), first.transaction());
        assertEquals("was killed, or still lives", first.end());
        for (int i = 1; i < REPLAYS; i++) {
            assertEquals(first, replay(trace, machine.state()));
        }
        cut();
        change();
    }

    private CoreReplay.Result replay(TraceBuffer recorded, @Nullable UnsafeBuffer state) throws Exception {
        try (CoreReplay replay = new CoreReplay(factory, recorded.source(), CoreReplay.Watcher.NONE)) {
            CoreReplay.Result result = replay.run();
            assertNull(result.stop(), () -> String.valueOf(result.stop()));
            if (state != null) {
                assertEquals(state, replay.state(), "final state");
            }
            return result;
        }
    }

    /** Everything a guest and a host can do, at random. */
    public void misbehave(int accesses) {
        try (Scribbler scribbler = new Scribbler(factory.usesGuestMemory(factory.exampleConfig()) ? machine : null)) {
            for (int i = 0; i < accesses; i++) {
                access();
            }
            scribbler.stop = true;
        }
    }

    private void access() {
        int region = random.nextInt(identity.regions().size());
        Region its = identity.regions().get(region);
        int width = WIDTHS[random.nextInt(WIDTHS.length)];
        int offset = random.nextInt(Math.max(1, Math.min(its.lengthBytes(), 0x3000)));
        offset = Math.max(0, Math.min(offset & -width, its.lengthBytes() - width));
        if (width > its.lengthBytes()) {
            width = 1;
            offset = 0;
        }
        switch (random.nextInt(16)) {
            case 0, 1, 2, 3, 4 -> machine.readValue(region, offset, width);
            case 5, 6, 7, 8, 9 -> machine.write(region, offset, width, random.nextLong() >>> random.nextInt(64));
            case 10 -> machine.kick(random.nextInt(8));
            case 11 -> host();
            case 12 -> machine.advance(1L << random.nextInt(26));
            case 13 -> machine.resample(random.nextInt(identity.interrupts().size()));
            case 14 -> {
                if (random.nextInt(50) == 0) {
                    factory.exercise(machine);
                }
            }
            default -> {
                if (random.nextInt(20) == 0) {
                    machine.powerButton();
                } else if (random.nextInt(40) == 0) {
                    machine.reset();
                }
            }
        }
    }

    private void host() {
        if (identity.hostPorts() == 0) {
            return;
        }
        int port = random.nextInt(identity.hostPorts());
        switch (random.nextInt(8)) {
            case 0 -> machine.hostBreak(port);
            case 1 -> machine.hostCarrier(port, random.nextBoolean());
            case 2 -> machine.hostTakes(random.nextInt(3) > 0);
            default -> machine.hostInput(port, "x".repeat(1 + random.nextInt(20)));
        }
    }

    /** Cut off behind any batch it is the life of a process that was killed there. */
    private void cut() throws Exception {
        for (int i = 0; i < CHANGES; i++) {
            TraceBuffer shorter = new TraceBuffer();
            int keep = 2 + random.nextInt(trace.batches().size() - 2);
            shorter.batches().addAll(trace.batches().subList(0, keep));
            try (CoreReplay replay = new CoreReplay(factory, shorter.source(), CoreReplay.Watcher.NONE)) {
                CoreReplay.Result result = replay.run();
                assertTrue(result.same(), () -> String.valueOf(result.stop()));
                assertEquals(LifeSummary.of(shorter.source()).lastTransaction(), result.transaction());
            } catch (TraceFormatException e) {
                assertTrue(keep < 20, "cut off in how the life began: " + keep);
            }
        }
    }

    /** An output that is another than the one recorded is a difference, at that record. */
    private void change() throws Exception {
        int found = 0;
        for (int i = 0; i < 20 * CHANGES && found < CHANGES; i++) {
            int index = random.nextInt(trace.batches().size());
            byte[] original = trace.batches().get(index);
            byte[] changed = original.clone();
            int in = changeOutput(changed);
            if (in >= 0) {
                found++;
                long record = recordsBefore(index) + in;
                trace.batches().set(index, changed);
                try (CoreReplay replay = new CoreReplay(factory, trace.source(), CoreReplay.Watcher.NONE)) {
                    ReplayStop stop = replay.run().stop();
                    assertNotNull(stop, "record " + record + " is another");
                    assertEquals(ReplayStop.Why.DIFFERENCE, stop.why());
                    assertEquals(record, stop.record(), stop.getMessage());
                }
                trace.batches().set(index, original);
            }
        }
        assertTrue(found > 0);
    }

    private long recordsBefore(int batch) throws TraceFormatException {
        long records = 0;
        BatchReader reader = new BatchReader();
        for (byte[] bytes : trace.batches().subList(0, batch)) {
            reader.wrap(new UnsafeBuffer(bytes), 0, bytes.length);
            while (reader.next()) {
                records++;
            }
        }
        return records;
    }

    /** Changes one bit of one output; gives its number in the batch, or -1 when there is none. */
    private int changeOutput(byte[] batch) throws TraceFormatException {
        BatchReader reader = new BatchReader();
        reader.wrap(new UnsafeBuffer(batch), 0, batch.length);
        int chosen = -1;
        int at = 0;
        for (int i = 0; reader.next(); i++) {
            boolean output = reader.type() == RecordType.OUTPUT || reader.type() == RecordType.MEMORY_WRITE;
            if (output && (chosen < 0 || random.nextBoolean())) {
                chosen = i;
                if (reader.recordLength() == 0) {
                    at = reader.recordOffset() - TraceLayout.STEP_LENGTH + TraceLayout.STEP_C + random.nextInt(2);
                } else {
                    int fields = reader.recordLength() - TraceLayout.HEADER_BYTES;
                    at = reader.recordOffset() + TraceLayout.HEADER_BYTES + random.nextInt(fields);
                }
            }
        }
        batch[at] ^= (byte) (chosen < 0 ? 0 : 1 << random.nextInt(Byte.SIZE));
        return chosen;
    }

    /** The guest's other processors: what a device reads twice may be two things. */
    private static final class Scribbler implements AutoCloseable {
        private volatile boolean stop;
        private final @Nullable Thread thread;

        Scribbler(@Nullable ScratchMachine machine) {
            thread = machine == null ? null : Thread.ofPlatform().daemon().start(() -> scribble(machine.memory()));
        }

        private void scribble(GuestMemory memory) {
            SplittableRandom random = new SplittableRandom();
            while (!stop) {
                long at = (long) random.nextInt(WORDS) * Long.BYTES + (random.nextInt(16) << 12);
                memory.put64(at, random.nextLong() >>> random.nextInt(Long.SIZE));
                for (int i = 0; i < 100; i++) {
                    Thread.onSpinWait();
                }
            }
        }

        @Override
        public void close() {
            stop = true;
            if (thread != null) {
                try {
                    thread.join();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            }
        }
    }
}
