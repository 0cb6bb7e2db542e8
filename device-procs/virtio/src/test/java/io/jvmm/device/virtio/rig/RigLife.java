package io.jvmm.device.virtio.rig;

import io.jvmm.device.api.DeviceConfig;
import io.jvmm.device.api.DeviceCore;
import io.jvmm.device.api.DeviceEffects;
import io.jvmm.device.api.DeviceIdentity;
import io.jvmm.device.api.Mortality;
import io.jvmm.device.api.trace.DeviceCall;
import io.jvmm.device.api.trace.HostCalls;
import io.jvmm.device.virtio.VirtioProcess;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.ipc.trace.RecordType;
import io.jvmm.ipc.trace.RecordingTape;
import io.jvmm.ipc.trace.ReplayStop;
import io.jvmm.ipc.trace.ReplayTape;
import io.jvmm.ipc.trace.TraceSource;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.zip.CRC32C;
import org.agrona.DirectBuffer;
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
    private final VirtioProcess process;
    private final DeviceConfig config;
    private final DeviceIdentity identity;
    private final GuestMemory memory;
    private final boolean fresh;
    private final long nowNs;
    private final byte[] first;
    private final byte[] last;
    private final List<byte[]> batches = new ArrayList<>();
    private final RecordingTape tape = new RecordingTape((batch, length) -> keep(batch, length), 0);
    private boolean committed;
    private long transactions;

    /** The core itself, for back ends. */
    final DeviceCore inner;

    /** The core that is recorded. */
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

        /** From now on a byte of a buffer that is read twice in one call of the core is a failure. */
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
        this.process = process;
        this.config = config;
        this.identity = process.identity(config);
        this.memory = memory;
        this.fresh = fresh;
        this.nowNs = nowNs;
        this.first = copy(state);
        this.last = new byte[first.length];
        FetchTap counted = recording.fetchingOnce ? new FetchTap(tape) : null;
        recording.reads = counted;
        GuestMemory tapped = memory.tapped(counted == null ? tape : counted);
        inner = process.createOnTape(config, state, fresh, TapedCore.effects(tape, effects), tapped, tape, nowNs);
        core = new TapedCore(inner, tape, counted);
    }

    private void keep(DirectBuffer batch, int length) {
        recording.bytes += length;
        if (recording.times > 0) {
            byte[] bytes = new byte[length];
            batch.getBytes(0, bytes);
            batches.add(bytes);
        }
    }

    private static byte[] copy(DirectBuffer state) {
        byte[] bytes = new byte[state.capacity()];
        state.getBytes(0, bytes);
        return bytes;
    }

    /** The end of a transaction. */
    void commit(DirectBuffer state) {
        tape.commit();
        state.getBytes(0, last);
        committed = true;
        transactions++;
    }

    /** The process is dead: what it had not committed nobody knows of. */
    void end() {
        recording.lives++;
        recording.transactions += transactions;
        for (int time = 0; committed && time < recording.times; time++) {
            replay(time);
        }
    }

    private void replay(int time) {
        long lengthBytes = memory.lengthBytes();
        try (MemFd memFd = MemFd.createSealed("replay", lengthBytes);
                GuestMemory scratch = GuestMemory.map(memFd.fd(), lengthBytes)) {
            Names names = new Names();
            ReplayTape replay = new ReplayTape(new Batches(), names::of);
            UnsafeBuffer state = new UnsafeBuffer(ByteBuffer.allocateDirect(first.length));
            state.putBytes(0, first);
            byte[] latest = new byte[first.length];
            try {
                DeviceEffects effects = TapedCore.effects(
                        replay, new RigEffects(identity.interrupts().size(), new Mortality()));
                DeviceCore again =
                        process.createOnTape(config, state, fresh, effects, scratch.tapped(replay), replay, nowNs);
                names.calls = process.hostCalls(config, again, replay);
                while (replay.peek() != null) {
                    if (replay.peek() == RecordType.COMMIT) {
                        replay.commit();
                        state.getBytes(0, latest);
                        again.committed(nowNs);
                    } else {
                        next(replay, again, names.calls);
                    }
                }
            } catch (ReplayStop e) {
                if (e.why() != ReplayStop.Why.END_OF_TRACE) {
                    throw new AssertionError(
                            identity.name() + ": record " + e.record() + " of replay " + time + ": " + e.getMessage(),
                            e);
                }
            } catch (RuntimeException e) {
                throw new AssertionError(identity.name() + ": behind record " + replay.taken() + ": " + e, e);
            }
            compare(latest, time);
            recording.outputs += time == 0 ? replay.outputCount() : 0;
            sums(replay.outputHash());
        }
    }

    private long sum;
    private boolean summed;

    private void sums(long outputs) {
        if (summed && sum != outputs) {
            throw new AssertionError("outputs: " + outputs + " and " + sum);
        }
        summed = true;
        sum = outputs;
    }

    private void compare(byte[] state, int time) {
        for (int i = 0; i < state.length; i++) {
            if (state[i] != last[i]) {
                throw new AssertionError(identity.name() + ": byte " + i + " of the state of replay " + time + " is "
                        + state[i] + ", recorded " + last[i] + "; CRC-32C " + sum(state) + ", " + sum(last));
            }
        }
    }

    private static long sum(byte[] bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes);
        return crc.getValue();
    }

    private static void next(ReplayTape tape, DeviceCore core, HostCalls host) {
        if (tape.peek() != RecordType.CALL) {
            throw tape.difference("the core does nothing; recorded is " + tape.peek());
        }
        int method = tape.record().method();
        long a = tape.record().a();
        long b = tape.record().b();
        long c = tape.record().c();
        long nowNs = tape.record().nowNs();
        tape.take();
        DeviceCall call = DeviceCall.of(method);
        if (call == null) {
            if (!host.call(method, a, b, c, nowNs, new UnsafeBuffer(0, 0), 0)) {
                throw tape.difference("no call " + host.nameOf(method));
            }
            return;
        }
        switch (call) {
            case READ -> tape.output(method, core.read((int) a, (int) b, (int) (a >>> 32), nowNs), 0, 0);
            case WRITE -> core.write((int) a, (int) b, (int) (a >>> 32), c, nowNs);
            case KICK -> core.kick((int) a, nowNs);
            case RESET -> core.reset(nowNs);
            case TIMER -> core.timer(nowNs);
            case RESAMPLE -> core.resample((int) a, nowNs);
            case WORK -> core.work(nowNs);
            case HOST_REQUEST -> {
                SupervisorRequestType request = Objects.requireNonNull(SupervisorRequestType.of((int) a));
                tape.output(method, core.hostRequest(request, b, nowNs) ? 1 : 0, 0, 0);
            }
            case RESUMED -> core.resumed(a, nowNs);
            case RESUME -> core.resume(nowNs);
            default -> throw tape.difference("no call " + call);
        }
    }

    private static final class Names {
        private HostCalls calls = HostCalls.NONE;

        private String of(int method) {
            return calls.nameOf(method);
        }
    }

    /** What was published, from its beginning. */
    private final class Batches implements TraceSource {
        private int next;
        private final UnsafeBuffer batch = new UnsafeBuffer(0, 0);

        @Override
        public boolean nextBatch() {
            if (next == batches.size()) {
                return false;
            }
            batch.wrap(batches.get(next++));
            return true;
        }

        @Override
        public DirectBuffer batch() {
            return batch;
        }

        @Override
        public int lengthBytes() {
            return batch.capacity();
        }

        @Override
        public long sequence() {
            return next - 1L;
        }
    }
}
