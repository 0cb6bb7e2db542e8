package io.jvmm.device.api;

import io.jvmm.device.api.trace.CoreReplay;
import io.jvmm.ipc.trace.LifeText;
import io.jvmm.ipc.trace.ReplayStop;
import io.jvmm.ipc.trace.TraceFormatException;
import io.jvmm.ipc.trace.TraceSource;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/** A recorded life lived once more, from its beginning, by a core of its own; what came of it. One thread, once. */
final class ReplayRun implements AutoCloseable {
    private final CoreReplay replay;
    private final Watch watch;
    private final @Nullable Left left;
    private CoreReplay.@Nullable Result result;

    /**
     * What the recorded process left in its state segment, as the supervisor read it there: from elsewhere than the trace.
     *
     * @param transaction number of its last commit
     * @param hash CRC-32C of the state
     */
    record Left(long transaction, int hash) {}

    /**
     * Gets one ready; {@link #prepare} before a jail closes.
     *
     * @param until the transaction behind which to stop
     * @param breakOn the field behind whose first change to stop, or null
     * @param left what the state at the end is held against, beside the trace itself; or null
     * @throws TraceFormatException when the trace does not begin as one, or not one of this device and version
     * @throws StageException when the state has no such field
     */
    ReplayRun(DeviceFactory factory, TraceSource source, long until, @Nullable String breakOn, @Nullable Left left)
            throws TraceFormatException {
        this.left = left;
        watch = new Watch(until);
        replay = new CoreReplay(factory, source, watch);
        watch.begin(replay, breakOn);
    }

    /** Makes the core. */
    void prepare() throws TraceFormatException {
        replay.prepare();
    }

    /** Lives it, to its end or to the first difference. */
    CoreReplay.Result run() throws TraceFormatException {
        CoreReplay.Result all = replay.run();
        result = all;
        return all;
    }

    /** How the life began. */
    LifeText life() {
        return replay.life();
    }

    CoreReplay replay() {
        return replay;
    }

    /** SHA-256 of the state as of the last commit, in hexadecimal digits. */
    String stateHash() {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(watch.committed));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java has it", e);
        }
    }

    /** Which field has changed, and how; empty if it was none. */
    String broke() {
        return watch.told;
    }

    /** What differs, with its record; empty if nothing does. */
    String difference() {
        CoreReplay.Result r = result;
        ReplayStop stop = r == null ? null : r.stop();
        Left seen = left;
        if (r != null && r.same() && seen != null && isComparable(r, seen) && r.stateHash() != seen.hash()) {
            return "different behind transaction " + r.transaction() + ": its process left the state crc32c:"
                    + ReplayMain.hex(seen.hash()) + ", and now it is crc32c:" + ReplayMain.hex(r.stateHash());
        }
        if (r == null || stop == null || r.same()) {
            return "";
        }
        return (stop.why() == ReplayStop.Why.DAMAGED ? "damaged" : "different") + " at record " + stop.record()
                + ", in transaction " + (r.transaction() + 1) + ": " + stop.getMessage();
    }

    private static boolean isComparable(CoreReplay.Result r, Left seen) {
        return r.transaction() == seen.transaction();
    }

    /** How many states the core's was compared with: those of the trace, and the one that the process left. */
    long statesCompared() {
        CoreReplay.Result r = result;
        Left seen = left;
        return r == null ? 0 : r.checkPoints() + (r.same() && seen != null && isComparable(r, seen) ? 1 : 0);
    }

    /** That the process came to another transaction than a trace that was lived to its end; empty if it did not, or nobody knows. */
    String further() {
        CoreReplay.Result r = result;
        Left seen = left;
        return r == null || seen == null || isComparable(r, seen) || watch.stopped
                ? ""
                : "; its process came to transaction " + seen.transaction();
    }

    /** Whether something is missing at its end, and no gap says so. */
    boolean cutShort() {
        CoreReplay.Result r = result;
        return r != null && !further().isEmpty() && r.ending() != CoreReplay.Ending.GAP;
    }

    @Override
    public void close() {
        replay.close();
    }

    /** Where to stop; keeps the state of the last commit. */
    private static final class Watch implements CoreReplay.Watcher {
        private final long until;
        private byte[] committed = new byte[0];
        private @Nullable StateField field;
        private String name = "";
        private String value = "";
        private String told = "";
        /** It has had enough before the end of the trace. */
        private boolean stopped;

        Watch(long until) {
            this.until = until;
        }

        void begin(CoreReplay replay, @Nullable String breakOn) {
            committed = new byte[replay.state().capacity()];
            replay.state().getBytes(0, committed);
            if (breakOn != null) {
                field = StateField.of(replay.identity().stateLayout(), breakOn);
                name = breakOn;
            }
        }

        @Override
        public boolean committed(long transaction, UnsafeBuffer state) {
            state.getBytes(0, committed);
            StateField watched = field;
            if (watched != null) {
                String now = watched.value(state);
                if (!value.isEmpty() && !now.equals(value)) {
                    told = name + " was " + value + " and is " + now + " behind transaction " + transaction;
                    stopped = true;
                    return false;
                }
                value = now;
            }
            stopped = transaction >= until;
            return !stopped;
        }
    }
}
