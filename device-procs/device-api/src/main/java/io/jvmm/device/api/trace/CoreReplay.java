package io.jvmm.device.api.trace;

import io.jvmm.device.api.DeviceConfig;
import io.jvmm.device.api.DeviceCore;
import io.jvmm.device.api.DeviceEffects;
import io.jvmm.device.api.DeviceFactory;
import io.jvmm.device.api.DeviceIdentity;
import io.jvmm.device.api.DeviceIdentity.Region;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.message.PowerAction;
import io.jvmm.ipc.message.PowerOrigin;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.message.Visible;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.ipc.sys.SystemInfo;
import io.jvmm.ipc.trace.BatchReader;
import io.jvmm.ipc.trace.LifeText;
import io.jvmm.ipc.trace.RecordType;
import io.jvmm.ipc.trace.ReplayStop;
import io.jvmm.ipc.trace.ReplayTape;
import io.jvmm.ipc.trace.TraceFormatException;
import io.jvmm.ipc.trace.TraceLayout;
import io.jvmm.ipc.trace.TraceSource;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.zip.CRC32C;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Lives a recorded life again: makes the core over the state it was made over, makes each call that was made, and sees that the core does what it did. No guest, no host, no
 * link: guest memory is empty, and each read from it gives what was read. One thread. <b>Hostile:</b> the trace. What the device itself throws leaves {@link #run} as it is.
 */
public final class CoreReplay implements AutoCloseable {
    private static final String NO_END = "was killed, or still lives";
    private static final long MOST_MEMORY_BYTES = 1L << 40;

    private final DeviceFactory factory;
    private final ReplayTape tape;
    private final Watcher watcher;
    private final LifeText life;
    private final DeviceIdentity identity;
    private final UnsafeBuffer state;
    private final UnsafeBuffer checkPoint;
    private final @Nullable MemFd memFd;
    private final @Nullable GuestMemory memory;
    private final DeviceConfig config;
    private final long firstTransaction;
    private HostCalls hostCalls = HostCalls.NONE;
    private HostCalls corePorts = HostCalls.NONE;
    private @Nullable DeviceCore made;
    private @Nullable ReplayStop stopped;
    private long lastNowNs;
    private long finalTransaction;
    private int finalStateHash;
    private long checkPoints;

    /** Looks at a replay between transactions. */
    public interface Watcher {
        /** Nobody looks. */
        Watcher NONE = (transaction, state) -> true;

        /**
         * A transaction has ended with this state; whether to go on.
         *
         * @param transaction its number; at first that of the commit before the life
         */
        boolean committed(long transaction, UnsafeBuffer state);
    }

    /** Where a replay ends that meets no difference. */
    public enum Ending {
        /** Behind the END. */
        END,
        /** Behind the last record, which is no END. */
        NO_END,
        /** The {@link Watcher} had enough. */
        STOPPED,
        /** At a GAP. */
        GAP
    }

    /**
     * What came of it.
     *
     * @param stop why it ended before the trace did, or null: it is over, was stopped by the {@link Watcher}, or met a GAP
     * @param transaction the last one that ended
     * @param stateHash CRC-32C of the state as of its commit
     * @param outputHash CRC-32C of everything the core did, in order
     * @param outputs how many records that was
     * @param records looked at
     * @param checkPoints how many states of the trace the core's was compared with, and was the same
     * @param ending what it came to
     * @param end how the recorded life ended, for people
     */
    public record Result(
            @Nullable ReplayStop stop,
            long transaction,
            int stateHash,
            int outputHash,
            long outputs,
            long records,
            long checkPoints,
            Ending ending,
            String end) {

        /** Whether the core has done what it did, as far as the trace tells. */
        public boolean same() {
            return stop == null || stop.why() == ReplayStop.Why.END_OF_TRACE;
        }
    }

    /**
     * Reads how the life began and gets everything ready; the core is made by {@link #prepare}.
     *
     * @throws TraceFormatException when the trace does not begin as one, or not one of this device and version
     */
    public CoreReplay(DeviceFactory factory, TraceSource source, Watcher watcher) throws TraceFormatException {
        this.factory = factory;
        this.watcher = watcher;
        this.tape = new ReplayTape(source, this::nameOf);
        try {
            UnsafeBuffer parts = new UnsafeBuffer(new byte[TraceLayout.MAX_TOTAL_BYTES]);
            int length = tape.takeParts(RecordType.LIFE, parts);
            byte[] text = new byte[length];
            parts.getBytes(0, text);
            life = LifeText.parse(new String(text, StandardCharsets.UTF_8));
            requireOurs(LifeText.DEVICE, factory.name());
            config = life::config;
            identity = factory.identity(config);
            requireOurs(LifeText.STATE_VERSION, Integer.toString(identity.stateVersion()));
            requireOurs(LifeText.STATE_BYTES, Integer.toString(identity.stateLengthBytes()));
            state = new UnsafeBuffer(ByteBuffer.allocateDirect(identity.stateLengthBytes()));
            firstTransaction = tape.peek() == RecordType.STATE ? tape.record().value() : 0;
            finalTransaction = firstTransaction;
            int stateBytes = tape.takeParts(RecordType.STATE, parts);
            if (stateBytes != identity.stateLengthBytes()) {
                throw new TraceFormatException("the state recorded has " + stateBytes + " bytes");
            }
            state.putBytes(0, parts, 0, stateBytes);
            checkPoint = new UnsafeBuffer(new byte[stateBytes]);
        } catch (ReplayStop e) {
            throw new TraceFormatException("the trace does not tell how the life began: " + e.getMessage());
        }
        memFd = life.find(LifeText.MEMORY_BYTES).isPresent() ? scratch(life.number(LifeText.MEMORY_BYTES)) : null;
        memory = memFd == null ? null : GuestMemory.map(memFd.fd(), memFd.lengthBytes());
    }

    private void requireOurs(String key, String ours) throws TraceFormatException {
        String theirs = life.find(key).orElse("(none)");
        if (!theirs.equals(ours)) {
            throw new TraceFormatException(
                    "recorded with " + key + " = " + Visible.of(theirs) + "; this program has " + ours);
        }
    }

    /** As large as the guest's, and empty: it takes no memory of the host but for what the device writes. */
    private static MemFd scratch(long lengthBytes) throws TraceFormatException {
        if (lengthBytes <= 0 || lengthBytes > MOST_MEMORY_BYTES || lengthBytes % SystemInfo.PAGE_SIZE != 0) {
            throw new TraceFormatException("recorded with a guest memory of " + lengthBytes + " bytes");
        }
        return MemFd.createSealed("replay", lengthBytes);
    }

    private String nameOf(int method) {
        return hostCalls.nameOf(method);
    }

    /** How the recorded life began. */
    public LifeText life() {
        return life;
    }

    /** The facts of the device as it was configured. */
    public DeviceIdentity identity() {
        return identity;
    }

    /** The state as it is now. */
    public UnsafeBuffer state() {
        return state;
    }

    /**
     * Makes the core, and does what the process did before its jail closed: the host's side is attached. For whoever closes a jail before {@link #run}, which does
     * this too.
     */
    public void prepare() throws TraceFormatException {
        try {
            DeviceCore core = make();
            made = core;
            while (tape.peek() == RecordType.CALL && tape.record().method() >= DeviceCall.FIRST_OF_DEVICE) {
                call(core);
            }
        } catch (ReplayStop stop) {
            stopped = stop;
        }
    }

    /** To the end of the trace, to the first difference, or until the watcher has enough. Once. */
    public Result run() throws TraceFormatException {
        if (made == null && stopped == null) {
            prepare();
        }
        DeviceCore core = made;
        if (core == null || stopped != null) {
            return result(stopped, Ending.NO_END, NO_END);
        }
        try {
            boolean on = watcher.committed(firstTransaction, state);
            while (on) {
                RecordType type = tape.peek();
                if (type == null) {
                    return result(null, Ending.NO_END, NO_END);
                }
                switch (type) {
                    case CALL -> call(core);
                    case COMMIT -> on = commit(core);
                    case STATE -> compareState(); // the last of a life, before its END
                    case END -> {
                        String end = "ended with " + tape.record().value();
                        tape.take();
                        return result(null, Ending.END, end);
                    }
                    case GAP -> {
                        String lost = tape.record().value() + " batches";
                        return result(
                                null, Ending.GAP, "goes on behind a gap of " + lost + ", which cannot be replayed");
                    }
                    default -> tape.call(0, 0, 0, 0, 0); // a difference: the core has done nothing more
                }
            }
            return result(null, Ending.STOPPED, "goes on");
        } catch (ReplayStop stop) {
            return result(stop, Ending.NO_END, NO_END);
        }
    }

    private Result result(@Nullable ReplayStop stop, Ending ending, String end) {
        return new Result(
                stop,
                finalTransaction,
                finalStateHash,
                (int) tape.outputHash(),
                tape.outputCount(),
                tape.taken(),
                checkPoints,
                ending,
                end);
    }

    private DeviceCore make() throws TraceFormatException {
        boolean fresh = life.find(LifeText.FRESH).orElse("").equals("true");
        lastNowNs = 0;
        finalStateHash = hash();
        GuestMemory tapped = memory == null ? null : memory.tapped(tape);
        DeviceCore core = factory.createOnTape(
                config, state, fresh, new TapeEffects(tape, NOTHING), tapped, tape, life.number(LifeText.NOW_NS));
        hostCalls = factory.hostCalls(config, core, tape);
        corePorts = new ReplayedPorts(List.of(core), identity.hostPorts(), tape);
        return core;
    }

    private boolean commit(DeviceCore core) {
        tape.commit();
        if (tape.transaction() != finalTransaction + 1) {
            throw tape.difference("COMMIT " + tape.transaction() + " behind transaction " + finalTransaction);
        }
        finalTransaction = tape.transaction();
        finalStateHash = hash();
        if (tape.peek() == RecordType.STATE) {
            compareState();
        }
        boolean on = watcher.committed(finalTransaction, state);
        if (on) {
            core.committed(lastNowNs);
        }
        return on;
    }

    private int hash() {
        CRC32C crc = new CRC32C();
        crc.update(state.byteBuffer().duplicate().clear());
        return (int) crc.getValue();
    }

    private void compareState() {
        UnsafeBuffer recorded = checkPoint;
        long record = tape.taken();
        int length = tape.takeParts(RecordType.STATE, recorded);
        for (int i = 0; i < Math.max(length, state.capacity()); i++) {
            if (i >= length || i >= state.capacity() || recorded.getByte(i) != state.getByte(i)) {
                throw tape.difference("the state recorded in record " + record + " is another from byte " + i + " on");
            }
        }
        checkPoints++;
    }

    private void call(DeviceCore core) {
        BatchReader record = tape.record();
        int method = record.method();
        long a = record.a();
        long b = record.b();
        long c = record.c();
        long nowNs = record.nowNs();
        tape.take();
        int bytes = tape.takeCallBytes();
        if (nowNs != 0) {
            lastNowNs = nowNs;
        }
        boolean made = hostCalls.call(method, a, b, c, nowNs, tape.callBytes(), bytes)
                || corePorts.call(method, a, b, c, nowNs, tape.callBytes(), bytes)
                || callCore(core, DeviceCall.of(method), a, b, c, nowNs);
        if (!made) {
            throw tape.difference("no such call: " + nameOf(method) + " " + a + " " + b + " " + c);
        }
    }

    private boolean callCore(DeviceCore core, @Nullable DeviceCall call, long a, long b, long c, long nowNs) {
        switch (call) {
            case READ -> {
                if (!inWindow(a, b)) {
                    return false;
                }
                tape.output(DeviceCall.READ.code(), core.read((int) a, (int) b, width(a), nowNs), 0, 0);
            }
            case WRITE -> {
                if (!inWindow(a, b)) {
                    return false;
                }
                core.write((int) a, (int) b, width(a), c, nowNs);
            }
            case KICK -> core.kick((int) a & 0xFFFF, nowNs);
            case RESET -> core.reset(nowNs);
            case TIMER -> core.timer(nowNs);
            case RESAMPLE -> {
                if (a < 0 || a >= identity.interrupts().size()) {
                    return false;
                }
                core.resample((int) a, nowNs);
            }
            case POWER_BUTTON -> core.powerButton(nowNs);
            case WORK -> core.work(nowNs);
            case HOST_REQUEST -> {
                SupervisorRequestType request = SupervisorRequestType.of((int) a);
                if (request == null) {
                    return false;
                }
                tape.output(DeviceCall.HOST_REQUEST.code(), core.hostRequest(request, b, nowNs) ? 1 : 0, 0, 0);
            }
            case RESUMED -> core.resumed(a, nowNs);
            case RESUME -> core.resume(nowNs);
            case null, default -> {
                return false;
            }
        }
        return true;
    }

    private static int width(long place) {
        return (int) (place >>> RecordedCore.WIDTH_SHIFT);
    }

    /** What the runtime checks before a core is asked. */
    private boolean inWindow(long place, long offset) {
        int region = (int) place;
        int width = width(place);
        List<Region> regions = identity.regions();
        boolean known = region >= 0 && region < regions.size();
        boolean wide = width == 1 || width == 2 || width == 4 || width == 8;
        return known
                && wide
                && offset >= 0
                && offset + width <= regions.get(region).lengthBytes();
    }

    /** There is nobody. */
    private static final DeviceEffects NOTHING = new DeviceEffects() {
        @Override
        public void interrupt(int line) {}

        @Override
        public void interruptLevel(int line, boolean asserted) {}

        @Override
        public void guestError(int code, long detail) {}

        @Override
        public void power(PowerAction action, PowerOrigin origin) {}
    };

    @Override
    public void close() {
        if (memory != null) {
            memory.close();
        }
        if (memFd != null) {
            memFd.close();
        }
    }
}
