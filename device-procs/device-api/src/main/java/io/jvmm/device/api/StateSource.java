package io.jvmm.device.api;

import io.jvmm.ipc.state.CommittedState;
import io.jvmm.ipc.state.StateSegment;
import io.jvmm.ipc.sys.Fd;
import java.util.Optional;
import org.agrona.DirectBuffer;

/**
 * Where the state of a device process comes from:
 *
 * <ul>
 *   <li>descriptor {@code state}: the segment of a predecessor, gone on with, or an empty one;
 *   <li>with {@code state.old} beside it: {@code state} is empty, and gets what is in the old one. Of another version that is
 *       {@link DeviceFactory#migrate}'s work. The old one is only read: whoever goes back to it finds it as it was;
 *   <li>neither: nobody will go on with it.
 * </ul>
 */
final class StateSource {
    private static final String STATE = "state";
    private static final String OLD = "state.old";

    private final DeviceFactory factory;
    private final DeviceConfig config;
    private final DeviceIdentity identity;
    private final Descriptors handed;

    StateSource(DeviceFactory factory, DeviceConfig config, DeviceIdentity identity, Descriptors handed) {
        this.factory = factory;
        this.config = config;
        this.identity = identity;
        this.handed = handed;
    }

    /**
     * The segment the process works on.
     *
     * @throws StateRejectedException, io.jvmm.ipc.state.StateFormatException for one that cannot be gone on with
     */
    StateSegment open() {
        int id = identity.deviceId();
        int version = identity.stateVersion();
        Optional<Fd> given = handed.find(STATE);
        if (given.isEmpty()) {
            return StateSegment.create(identity.name(), id, version, identity.stateLengthBytes());
        }
        StateSegment state = StateSegment.adoptOrCreate(given.get(), id, version, identity.stateLengthBytes());
        try {
            Optional<Fd> old = handed.find(OLD);
            if (old.isPresent()) {
                requireFresh(state);
                takeOver(old(old.get()), state);
            }
            return state;
        } catch (RuntimeException e) {
            state.close();
            throw e;
        }
    }

    private static void requireFresh(StateSegment state) {
        if (!state.fresh()) {
            throw new StateRejectedException("the new state segment is not empty");
        }
    }

    private CommittedState old(Fd fd) {
        CommittedState old = CommittedState.read(fd);
        fd.close();
        if (old.deviceId() != identity.deviceId()) {
            throw new StateRejectedException("the state to take over is that of device " + old.deviceId());
        }
        return old;
    }

    private void takeOver(CommittedState old, StateSegment state) {
        if (old.sequence() == 0) {
            return; // the device starts from power-on, as its predecessor would have
        }
        if (old.version() != identity.stateVersion()) {
            factory.migrate(config, old.version(), old.state(), state.working());
        } else if (old.state().capacity() == identity.stateLengthBytes()) {
            state.working().putBytes(0, old.state(), 0, identity.stateLengthBytes());
        } else {
            throw new StateRejectedException("a state of " + old.state().capacity() + " bytes, not "
                    + identity.stateLengthBytes() + ": of another configuration");
        }
        state.commit(old.ringPosition());
    }

    /**
     * Writes what {@code state.old} holds in the layout of another version into the empty {@code state}, for a process that knows only
     * that one.
     */
    void export(int version) {
        CommittedState old = old(handed.need(OLD));
        if (old.version() != identity.stateVersion()) {
            throw new StateRejectedException("the state to write as version " + version + " is of version "
                    + old.version() + ", not " + identity.stateVersion());
        }
        DirectBuffer exported = factory.export(config, version, old.state())
                .orElseThrow(() -> new StateRejectedException("no state of version " + version + " is written by "
                        + identity.name() + " of version " + identity.stateVersion()));
        int lengthBytes = exported.capacity();
        try (StateSegment state =
                StateSegment.adoptOrCreate(handed.need(STATE), identity.deviceId(), version, lengthBytes)) {
            requireFresh(state);
            if (old.sequence() != 0) {
                state.working().putBytes(0, exported, 0, lengthBytes);
                state.commit(old.ringPosition());
            }
        }
    }
}
