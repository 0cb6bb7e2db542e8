package io.jvmm.device.virtio.rig;

import io.jvmm.device.api.DeviceConfig;
import io.jvmm.device.api.DeviceCore;
import io.jvmm.device.api.DeviceEffects;
import io.jvmm.device.api.DeviceFactory;
import io.jvmm.device.api.DeviceIdentity;
import io.jvmm.device.api.Exercise;
import io.jvmm.device.api.trace.CoreReplay;
import io.jvmm.device.api.trace.HostCalls;
import io.jvmm.device.api.trace.LifeRecorder;
import io.jvmm.device.virtio.VirtioProcess;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.memory.MemoryTap;
import io.jvmm.ipc.trace.Tape;
import io.jvmm.ipc.trace.TraceBuffer;
import io.jvmm.ipc.trace.TraceFormatException;
import java.util.Map;
import java.util.Objects;
import java.util.zip.CRC32C;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.AtomicBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * What one process of a rig does, recorded, and then lived again: with {@link #recording} every process of every rig that the thread makes
 * is, so any test that drives a device is a test of its determinism. Without a host, guest or thread the same core has to do the same to the last byte of its
 * state.
 */
public final class RigLife {
    private static final ThreadLocal<@Nullable Recording> CURRENT = new ThreadLocal<>();

    private final Recording recording;
    private final Configured factory;
    private final TraceBuffer trace = new TraceBuffer();
    private final LifeRecorder recorder;
    private final byte[] committed;
    private long transactions;

    /** The core, recorded. */
    final DeviceCore core;

    /** What all that was recorded comes to. */
    public static final class Recording implements AutoCloseable {
        private final int times;
        private long lives;
        private long transactions;
        private long bytes;
        private long outputs;
        private boolean fetchingOnce;
        private @Nullable FetchTap reads;

        private Recording(int times) {
            this.times = times;
        }

        /** From now on a byte of a buffer that is read twice in one transaction is a failure. */
        public Recording fetchingOnce() {
            fetchingOnce = true;
            return this;
        }

        /** What the latest process has read. */
        public FetchTap reads() {
            return Objects.requireNonNull(reads, "no process, or nothing is counted");
        }

        /** How many processes were. */
        public long lives() {
            return lives;
        }

        /** How many transactions they committed. */
        public long transactions() {
            return transactions;
        }

        /** Bytes of all records. */
        public long bytes() {
            return bytes;
        }

        /** How many outputs each replay compared. */
        public long outputs() {
            return outputs;
        }

        @Override
        public String toString() {
            return lives + " lives, " + transactions + " transactions, " + bytes + " bytes, " + outputs
                    + " outputs, each " + times + " times again";
        }

        @Override
        public void close() {
            CURRENT.remove();
        }
    }

    /**
     * From now on, until it is closed: all processes of this thread's rigs are recorded, and replayed so often when they end. With 0 nothing of what is
     * recorded is kept: to see what recording costs.
     */
    public static Recording recording(int times) {
        Recording recording = new Recording(times);
        CURRENT.set(recording);
        return recording;
    }

    /** A new process, recorded; null when nothing is. */
    static @Nullable RigLife begin(
            VirtioProcess process,
            DeviceConfig config,
            UnsafeBuffer state,
            boolean fresh,
            DeviceEffects effects,
            GuestMemory memory,
            long nowNs) {
        Recording recording = CURRENT.get();
        return recording == null ? null : new RigLife(recording, process, config, state, fresh, effects, memory, nowNs);
    }

    private RigLife(
            Recording recording,
            VirtioProcess process,
            DeviceConfig config,
            UnsafeBuffer state,
            boolean fresh,
            DeviceEffects effects,
            GuestMemory memory,
            long nowNs) {
        this.recording = recording;
        this.factory = new Configured(process, config, recording);
        this.committed = new byte[state.capacity()];
        this.recorder = new LifeRecorder(this::publish, state, state.capacity(), 0);
        this.core = recorder.begin(factory, config, Map.of(), fresh, 0, effects, memory, nowNs);
    }

    private void publish(DirectBuffer batch, int lengthBytes) {
        recording.bytes += lengthBytes;
        if (recording.times > 0) {
            trace.publish(batch, lengthBytes);
        }
    }

    /** The end of a transaction. */
    void commit(DirectBuffer state, long nowNs) {
        recorder.commit(0, nowNs);
        state.getBytes(0, committed);
        transactions++;
        if (recording.fetchingOnce) {
            recording.reads().begin();
        }
    }

    /** The process is dead: what it had not committed nobody knows of. */
    void end() {
        recording.lives++;
        recording.transactions += transactions;
        CoreReplay.Result first = null;
        for (int time = 0; transactions > 0 && time < recording.times; time++) {
            CoreReplay.Result result = replay();
            if (first != null && (result.outputHash() != first.outputHash() || result.outputs() != first.outputs())) {
                throw new AssertionError(factory.name() + ": " + first + ", and then " + result);
            }
            first = result;
        }
        recording.outputs += first == null ? 0 : first.outputs();
    }

    private CoreReplay.Result replay() {
        try (CoreReplay replay = new CoreReplay(factory, trace.source(), CoreReplay.Watcher.NONE)) {
            CoreReplay.Result result = replay.run();
            CRC32C crc = new CRC32C();
            crc.update(committed);
            if (!result.same() || result.transaction() != transactions || result.stateHash() != (int) crc.getValue()) {
                throw new AssertionError(factory.name() + ": " + transactions + " transactions and state "
                        + (int) crc.getValue() + " were recorded; replayed: " + result);
            }
            return result;
        } catch (TraceFormatException e) {
            throw new AssertionError(e);
        }
    }

    /** The device in the configuration of the rig, of which not all entries are known by name. */
    private record Configured(VirtioProcess process, DeviceConfig config, Recording recording)
            implements DeviceFactory {
        @Override
        public String name() {
            return process.name();
        }

        @Override
        public DeviceIdentity identity() {
            return process.identity(config);
        }

        @Override
        public DeviceIdentity identity(DeviceConfig other) {
            return identity();
        }

        @Override
        public boolean usesGuestMemory() {
            return true;
        }

        @Override
        public DeviceCore create(
                DeviceConfig other, AtomicBuffer state, boolean fresh, DeviceEffects effects, long nowNs) {
            return process.create(config, state, fresh, effects, nowNs);
        }

        @Override
        public DeviceCore createOnTape(
                DeviceConfig other,
                AtomicBuffer state,
                boolean fresh,
                DeviceEffects effects,
                @Nullable GuestMemory tapped,
                Tape tape,
                long nowNs) {
            GuestMemory memory = tapped;
            if (memory != null && recording.fetchingOnce && tape.live()) {
                FetchTap reads = new FetchTap((MemoryTap) tape);
                recording.reads = reads;
                memory = memory.untapped().tapped(reads);
            }
            return process.createOnTape(config, state, fresh, effects, memory, tape, nowNs);
        }

        @Override
        public HostCalls hostCalls(DeviceConfig other, DeviceCore core, Tape tape) {
            return process.hostCalls(config, core, tape);
        }

        @Override
        public DeviceConfig exampleConfig() {
            return config;
        }

        @Override
        public void exercise(Exercise machine) {
            throw new UnsupportedOperationException("nobody warms up");
        }
    }
}
