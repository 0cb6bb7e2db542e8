package io.jvmm.device.api;

import io.jvmm.device.api.trace.LifeRecorder;
import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.message.PowerAction;
import io.jvmm.ipc.message.PowerOrigin;
import io.jvmm.ipc.trace.BatchSink;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A machine of one device in virtual time, without links, descriptors or threads: the scripted peer's, and that of tests.
 * It treats the core as the device process does: output leaves before anything else of the device is looked at, timers
 * fire at their deadlines, input waits for room.
 */
public final class ScratchMachine implements Exercise, DeviceEffects, HostEvents {

    private static final int FLUSH_BYTES = 256;
    /** More timer calls than this without time passing means that the core does not advance. */
    private static final int MAX_TIMER_CALLS = 1_000_000;

    private static final int MOST_NOTICES = 16;

    private static final int MAX_PIECES = 10_000;

    private final DeviceIdentity identity;
    private final DeviceFactory factory;
    private final DeviceConfig config;
    private final Map<String, String> entries;
    private final ScratchMemory memory;
    private UnsafeBuffer state;
    private DeviceCore core;
    private @Nullable LifeRecorder recorder;
    private final StringBuilder[] output;
    private final StringBuilder[] waitingInput;
    private final long[] edges;
    private final boolean[] levels;
    private final UnsafeBuffer flushed = new UnsafeBuffer(new byte[FLUSH_BYTES]);
    private boolean hostTakes = true;
    private long guestErrors;
    private int lastGuestErrorCode;
    private long lastGuestErrorDetail;
    private String power = "";
    private final List<String> notices = new ArrayList<>();
    private long nowNs;
    private final @Nullable ScriptHost host;
    private final @Nullable ScriptMemory scripted;

    /** A machine as after power-on. */
    public ScratchMachine(DeviceFactory factory, DeviceConfig config) {
        this(factory, config, Map.of(), null, null);
    }

    /** The same for the scripted peer: memory that its user can play with, and a host's side for a device that needs more than characters. */
    ScratchMachine(DeviceFactory factory, DeviceConfig config, ScriptHost host) {
        this(factory, config, Map.of(), null, host);
    }

    /**
     * The same, recorded: for tests and fuzzers.
     *
     * @param entries the configuration once more, for the record
     * @param sink where the trace goes; null: nowhere
     */
    public ScratchMachine(
            DeviceFactory factory, DeviceConfig config, Map<String, String> entries, @Nullable BatchSink sink) {
        this(factory, config, entries, sink, null);
    }

    private ScratchMachine(
            DeviceFactory factory,
            DeviceConfig config,
            Map<String, String> entries,
            @Nullable BatchSink sink,
            @Nullable ScriptHost host) {
        this.entries = entries;
        this.host = host;
        this.factory = factory;
        this.config = config;
        this.identity = factory.identity(config);
        this.memory = new ScratchMemory(factory);
        this.output = texts(identity.hostPorts());
        this.waitingInput = texts(identity.hostPorts());
        this.edges = new long[identity.interrupts().size()];
        this.levels = new boolean[identity.interrupts().size()];
        this.state = stateBuffer();
        GuestMemory guest = memory.orNull();
        this.scripted = host == null || guest == null ? null : new ScriptMemory(guest);
        this.core = make(true, sink);
        join();
    }

    /** The example configuration as keys and values: those that the device asks for. For the record of a life. */
    public static Map<String, String> exampleEntries(DeviceFactory factory) {
        DeviceConfig example = factory.exampleConfig();
        Map<String, String> asked = new TreeMap<>();
        new ScratchMachine(factory, key -> {
            Optional<String> value = example.find(key);
            value.ifPresent(text -> asked.put(key, text));
            return value;
        });
        return asked;
    }

    private DeviceCore make(boolean fresh, @Nullable BatchSink sink) {
        if (sink == null) {
            recorder = null;
            GuestMemory guest = memory.orNull();
            GuestMemory seen = guest == null || scripted == null ? guest : guest.tapped(scripted);
            return factory.create(config, state, fresh, this, seen, nowNs);
        }
        LifeRecorder life = new LifeRecorder(sink, state, identity.stateLengthBytes(), 0);
        recorder = life;
        return life.begin(factory, config, entries, fresh, 0, this, memory.orNull(), nowNs);
    }

    /** A new core gets its host's side, if it has one, and begins. */
    private void join() {
        if (host != null && host.exists()) {
            host.attach(core, this, nowNs);
        }
        core.resume(nowNs);
    }

    private void commit() {
        if (recorder != null) {
            recorder.commit(0, nowNs);
        }
        core.committed(nowNs);
    }

    /** The recorded life ends in good order; the machine is not to be used after this. */
    public void end(ProcessExit exit) {
        if (recorder != null) {
            recorder.end(exit.code());
        }
    }

    private UnsafeBuffer stateBuffer() {
        return new UnsafeBuffer(ByteBuffer.allocateDirect(identity.stateLengthBytes()));
    }

    private static StringBuilder[] texts(int count) {
        StringBuilder[] texts = new StringBuilder[count];
        Arrays.setAll(texts, i -> new StringBuilder());
        return texts;
    }

    /** The process dies between two messages and a fresh one adopts its state. */
    public void killAndAdopt() {
        killAndAdopt(null);
    }

    /** The same; what the fresh one does goes to {@code sink}, which is another trace than that of its predecessor. */
    public void killAndAdopt(@Nullable BatchSink sink) {
        UnsafeBuffer copy = stateBuffer();
        copy.putBytes(0, state, 0, state.capacity());
        state.setMemory(0, state.capacity(), (byte) 0xEE);
        state = copy;
        core = make(false, sink);
        join();
        settle();
    }

    @Override
    public void read(int region, int offset, int widthBytes) {
        readValue(region, offset, widthBytes);
    }

    /** A register read, and what it gave, cut to its width. */
    public long readValue(int region, int offset, int widthBytes) {
        settle();
        long value = core.read(region, offset, widthBytes, nowNs);
        settle();
        return widthBytes == Long.BYTES ? value : value & ((1L << (8 * widthBytes)) - 1);
    }

    @Override
    public void write(int region, int offset, int widthBytes, long value) {
        core.write(region, offset, widthBytes, value, nowNs);
        settle();
    }

    @Override
    public void hostInput(int port, String text) {
        waitingInput[port].append(text);
        settle();
    }

    /** The host's side sends a break, ahead of input that waits for room. */
    public void hostBreak(int port) {
        core.hostBreak(port, nowNs);
        settle();
    }

    /** Somebody comes to or leaves the other end of the line. */
    public void hostCarrier(int port, boolean present) {
        core.hostCarrier(port, present, nowNs);
        settle();
    }

    /** Whether the host takes output; while not, it waits in the device. */
    public void hostTakes(boolean takes) {
        hostTakes = takes;
        settle();
    }

    @Override
    public void advance(long durationNs) {
        settle();
        long endNs = nowNs + durationNs;
        int calls = 0;
        while (core.nextDeadlineNs() <= endNs) {
            nowNs = Math.max(nowNs, core.nextDeadlineNs());
            core.timer(nowNs);
            settle();
            if (++calls > MAX_TIMER_CALLS) {
                throw new IllegalStateException(identity.name() + ": timer() does not advance at " + nowNs + " ns");
            }
        }
        nowNs = endNs;
    }

    @Override
    public void resample(int line) {
        levels[line] = false;
        core.resample(line, nowNs);
        settle();
    }

    @Override
    public void powerButton() {
        core.powerButton(nowNs);
        settle();
    }

    @Override
    public void kick(int queue) {
        core.kick(queue, nowNs);
        settle();
    }

    @Override
    public GuestMemory memory() {
        return memory.get();
    }

    /** The reset line. */
    public void reset() {
        core.reset(nowNs);
        settle();
    }

    /** The memory to play with; null where there is none, or no script. */
    @Nullable
    ScriptMemory scripted() {
        return scripted;
    }

    /** Output leaves and input that waits goes in, as far as the device allows. */
    private void settle() {
        move();
        if (host != null) {
            host.settle(nowNs, this::move);
        }
    }

    private void move() {
        commit();
        for (int pieces = 0; pieces < MAX_PIECES && core.hasWork(); pieces++) {
            core.work(nowNs);
            commit();
        }
        for (int port = 0; port < output.length; port++) {
            flush(port);
            StringBuilder waiting = waitingInput[port];
            int taken = 0;
            while (taken < waiting.length() && core.hostInputRoom(port) > 0) {
                core.hostInput(port, waiting.charAt(taken++) & 0xFF, nowNs);
            }
            waiting.delete(0, taken);
        }
    }

    private void flush(int port) {
        int count = hostTakes ? core.hostOutput(port, flushed, 0, FLUSH_BYTES) : 0;
        while (count > 0) {
            for (int i = 0; i < count; i++) {
                output[port].append((char) (flushed.getByte(i) & 0xFF));
            }
            core.hostOutputDone(port, count, nowNs);
            count = core.hostOutput(port, flushed, 0, FLUSH_BYTES);
        }
    }

    /** Takes what the device sent to the host since the last call; a char is a byte. */
    public String takeOutput(int port) {
        String text = output[port].toString();
        output[port].setLength(0);
        return text;
    }

    /** Bytes from the host the device has no room for yet. */
    public int waitingInput(int port) {
        return waitingInput[port].length();
    }

    /** Takes the number of edges on a line since the last call. */
    public long takeEdges(int line) {
        long count = edges[line];
        edges[line] = 0;
        return count;
    }

    /** The level of a line. */
    public boolean level(int line) {
        return levels[line];
    }

    /** Takes what the guest last asked of the power, {@code POWER_OFF via ACPI}, or an empty text. */
    public String takePower() {
        String taken = power;
        power = "";
        return taken;
    }

    /** How many guest errors there were. */
    public long guestErrors() {
        return guestErrors;
    }

    /** The last of them, or an empty text. */
    public String lastGuestError() {
        return guestErrors == 0
                ? ""
                : "code " + lastGuestErrorCode + " detail 0x" + Long.toHexString(lastGuestErrorDetail);
    }

    /** Virtual time, from 0. */
    public long nowNs() {
        return nowNs;
    }

    /** The device's state. */
    public UnsafeBuffer state() {
        return state;
    }

    /** The device itself. */
    public DeviceCore core() {
        return core;
    }

    @Override
    public void interrupt(int line) {
        edges[line]++;
    }

    @Override
    public void interruptLevel(int line, boolean asserted) {
        levels[line] = asserted;
        if (asserted) {
            edges[line]++;
        }
    }

    @Override
    public void guestError(int code, long detail) {
        guestErrors++;
        lastGuestErrorCode = code;
        lastGuestErrorDetail = detail;
        if (host != null) {
            String name = factory.guestErrorName(code);
            notice("guest error " + (name.isEmpty() ? "0x" + Integer.toHexString(code) : name) + ", detail 0x"
                    + Long.toHexString(detail));
        }
    }

    @Override
    public void escape(int port, int what) {
        // Nobody types at this machine's host.
    }

    @Override
    public void backendLost(int port, int errno) {
        notice("back end " + port + " lost" + (errno == 0 ? "" : ", errno " + errno));
    }

    @Override
    public void warn(String line) {
        notice(line);
    }

    @Override
    public void configChanged(int function, int generation) {
        notice("configuration of function " + function + " changed, generation " + generation);
    }

    @Override
    public void needsReset(int function, int reason) {
        notice("function " + function + " needs a reset, reason " + reason);
    }

    /** Kept for a script only: nobody else asks. */
    private void notice(String line) {
        if (host != null && notices.size() < MOST_NOTICES) {
            notices.add(line);
        }
    }

    /** Takes what happened since the last call that is no interrupt and no output, in words. */
    List<String> takeNotices() {
        List<String> taken = List.copyOf(notices);
        notices.clear();
        return taken;
    }

    @Override
    public void power(PowerAction action, PowerOrigin origin) {
        power = action + " via " + origin;
    }
}
