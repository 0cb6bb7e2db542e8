package io.jvmm.device.api.trace;

import io.jvmm.device.api.DeviceConfig;
import io.jvmm.device.api.DeviceCore;
import io.jvmm.device.api.DeviceEffects;
import io.jvmm.device.api.DeviceFactory;
import io.jvmm.device.api.DeviceIdentity;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.trace.BatchSink;
import io.jvmm.ipc.trace.LifeText;
import io.jvmm.ipc.trace.RecordingTape;
import java.util.Map;
import org.agrona.concurrent.AtomicBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Records one life of a core: how it begins, the core's wrapper, commits with check points, the end. Device thread; allocates nothing once the core is made.
 */
public final class LifeRecorder {
    /** A check point is taken after so much of a trace, but at least four times the state's length, or after so much time. */
    private static final long CHECK_POINT_BYTES = 1 << 20;

    private static final int CHECK_POINT_STATES = 4;
    private static final long CHECK_POINT_NS = 5_000_000_000L;

    private final RecordingTape tape;
    private final AtomicBuffer state;
    private final int stateLengthBytes;
    private final long checkPointBytes;
    private long checkedBytes;
    private long checkedNs;
    /** Of the last commit. */
    private long ringPosition;

    /**
     * A recorder of a core that will be made over {@code state}.
     *
     * @param transaction the last commit of the state
     */
    public LifeRecorder(BatchSink sink, AtomicBuffer state, int stateLengthBytes, long transaction) {
        this.tape = new RecordingTape(sink, transaction);
        this.state = state;
        this.stateLengthBytes = stateLengthBytes;
        this.checkPointBytes = Math.max(CHECK_POINT_BYTES, (long) CHECK_POINT_STATES * stateLengthBytes);
    }

    /** The tape of this life. */
    public RecordingTape tape() {
        return tape;
    }

    /**
     * Tells how the life begins and makes the core, as {@link DeviceFactory#create} does.
     *
     * @param entries the configuration, for the record
     * @param ringPosition committed with the state
     * @return the core for the runtime; {@link RecordedCore#unwrap} gives the device's
     */
    public DeviceCore begin(
            DeviceFactory factory,
            DeviceConfig config,
            Map<String, String> entries,
            boolean fresh,
            long ringPosition,
            DeviceEffects effects,
            @Nullable GuestMemory memory,
            long nowNs) {
        DeviceIdentity identity = factory.identity(config);
        LifeText life = new LifeText()
                .put(LifeText.DEVICE, factory.name())
                .put(LifeText.PROGRAM, version(factory))
                .put(LifeText.STATE_ID, identity.deviceId())
                .put(LifeText.STATE_VERSION, identity.stateVersion())
                .put(LifeText.STATE_BYTES, stateLengthBytes)
                .put(LifeText.FRESH, Boolean.toString(fresh))
                .put(LifeText.NOW_NS, nowNs)
                .put(LifeText.WALL_CLOCK_NS, Clock.realtimeNs());
        if (memory != null) {
            life.put(LifeText.MEMORY_BYTES, memory.lengthBytes());
        }
        entries.forEach(life::putConfig);
        tape.life(life);
        this.ringPosition = ringPosition;
        tape.state(ringPosition, state, stateLengthBytes);
        checkedNs = nowNs;
        checkedBytes = tape.writtenBytes();
        GuestMemory tapped = memory == null ? null : memory.tapped(tape);
        DeviceCore core =
                factory.createOnTape(config, state, fresh, new TapeEffects(tape, effects), tapped, tape, nowNs);
        tape.rest();
        return new RecordedCore(core, tape);
    }

    private static String version(DeviceFactory factory) {
        // The device's own jar, not that of what several have in common.
        String version = factory.madeOf().getLast().getPackage().getImplementationVersion();
        return version == null ? "unknown" : version;
    }

    /** The end of a transaction, before its state is committed with this position. */
    public void commit(long ringPosition, long nowNs) {
        this.ringPosition = ringPosition;
        if (tape.writtenBytes() - checkedBytes <= checkPointBytes && nowNs - checkedNs <= CHECK_POINT_NS) {
            tape.commit();
            return;
        }
        tape.markCommit();
        tape.state(ringPosition, state, stateLengthBytes);
        checkedBytes = tape.writtenBytes();
        checkedNs = nowNs;
        tape.flush();
    }

    /** The device thread looks elsewhere, or sleeps: the recorder should have what there is. */
    public void rest() {
        tape.rest();
    }

    /** The process ends in good order: a last check point, so that the state a whole life ends with is always compared. */
    public void end(int exitCode) {
        tape.state(ringPosition, state, stateLengthBytes);
        tape.end(exitCode);
    }
}
