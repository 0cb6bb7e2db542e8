package io.jvmm.vcpu.board;

import io.jvmm.ipc.message.EngineKind;
import io.jvmm.ipc.state.StateSegment;
import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.vcpu.board.MachineStateLayout.Moment;
import io.jvmm.vcpu.engine.Engine;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import org.agrona.concurrent.AtomicBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the state of all vCPUs, interrupt controllers, timers and of the bus where an inspector or a snapshot can read it: in the segment that
 * the supervisor owns. Committed when the machine has been built, when it pauses, when it stops; and once more, marked, when it
 * goes on, so that nobody takes what is there for what is. A reader finds one whole commit or the other.
 *
 * <p>One thread at a time: the main thread before the jail closes, then the board thread. vCPU threads have no part in it. Makes no
 * system call but the clock's.
 */
public final class MachineState {
    private final Engine engine;
    private final StateSegment segment;
    private final byte[] saved;
    private final @Nullable ExpansionBus bus;
    private final byte[] savedBus;

    private MachineState(Engine engine, @Nullable ExpansionBus bus, StateSegment segment) {
        this.engine = engine;
        this.bus = bus;
        this.segment = segment;
        this.saved = new byte[engine.stateLengthBytes()];
        this.savedBus = new byte[bus == null ? 0 : bus.stateLengthBytes()];
    }

    /**
     * The state of the machine that {@code engine} is, in a memfd from the supervisor, or in one of our own where there is none; as it
     * has been built. Takes ownership of the descriptor and closes it.
     *
     * @return null when this engine cannot save its state; the memfd stays empty then
     * @throws io.jvmm.ipc.state.StateFormatException when something else is in the memfd
     */
    public static @Nullable MachineState open(
            @Nullable Fd fd, EngineKind kind, Engine engine, int vcpus, @Nullable ExpansionBus bus) {
        if (engine.stateLengthBytes() == 0) {
            if (fd != null) {
                fd.close();
            }
            return null;
        }
        final int busBytes = bus == null ? 0 : bus.stateLengthBytes();
        final int lengthBytes = MachineStateLayout.LENGTH_BYTES + engine.stateLengthBytes() + busBytes;
        final StateSegment segment = fd == null
                ? StateSegment.create(
                        "vcpu-state", MachineStateLayout.DEVICE_ID, MachineStateLayout.VERSION, lengthBytes)
                : StateSegment.adoptOrCreate(fd, MachineStateLayout.DEVICE_ID, MachineStateLayout.VERSION, lengthBytes);
        segment.fd().close();
        final MachineState state = new MachineState(engine, bus, segment);
        state.put(MachineStateLayout.ENGINE, kind.number());
        state.put(MachineStateLayout.VCPUS, vcpus);
        state.put(MachineStateLayout.ENGINE_VERSION, engine.stateVersion());
        state.put(MachineStateLayout.BUS_BYTES, busBytes);
        state.save(Moment.BUILT, null);
        return state;
    }

    /** Commits what the machine is: every vCPU stands still. {@code stop}: why the guest has stopped, null when it has not. */
    void save(Moment moment, @Nullable StopReport stop) {
        engine.saveState(MemorySegment.ofArray(saved));
        final AtomicBuffer working = segment.working();
        working.putBytes(MachineStateLayout.LENGTH_BYTES, saved);
        if (bus != null) {
            bus.saveState(MemorySegment.ofArray(savedBus));
            working.putBytes(MachineStateLayout.LENGTH_BYTES + saved.length, savedBus);
        }
        put(MachineStateLayout.CAUSE, stop == null ? 0 : stop.cause().number());
        put(MachineStateLayout.VCPU, stop == null ? 0 : stop.vcpu());
        working.putLong(MachineStateLayout.RIP, stop == null ? 0 : stop.rip(), ByteOrder.LITTLE_ENDIAN);
        working.putLong(MachineStateLayout.SAVED_AT_NS, Clock.realtimeNs(), ByteOrder.LITTLE_ENDIAN);
        commit(moment);
    }

    /** The machine goes on from what was saved last. */
    void leave() {
        commit(Moment.RUNNING);
    }

    private void commit(Moment moment) {
        put(MachineStateLayout.MOMENT, moment.number());
        segment.commit();
    }

    private void put(int field, int value) {
        segment.working().putInt(field, value, ByteOrder.LITTLE_ENDIAN);
    }
}
