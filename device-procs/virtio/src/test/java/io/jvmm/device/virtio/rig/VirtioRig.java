package io.jvmm.device.virtio.rig;

import io.jvmm.device.api.Backend;
import io.jvmm.device.api.DeviceConfig;
import io.jvmm.device.api.DeviceCore;
import io.jvmm.device.api.DeviceIdentity;
import io.jvmm.device.api.Mortality;
import io.jvmm.device.virtio.VirtioFactory;
import io.jvmm.device.virtio.VirtioProcess;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.ipc.sys.Poller;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A device process of one virtio class without links, jail or threads of its own, in the test's hands: messages are
 * transactions with a commit behind each, as in the process, time is virtual, interrupts and guest errors are written down. Back ends are
 * the device's own, over descriptors of the test.
 *
 * <pre>{@code
 *   try (VirtioRig rig = new VirtioRig(new RngFactory(), Map.of())) {
 *       RigDriver driver = rig.driver(0).setUp(VirtioFeature.USUAL);
 *       byte[] random = driver.request(0, new byte[0], 64);
 *   }
 * }</pre>
 *
 * <p>The process can be killed: {@link #kill} says where in the next transaction, {@link #killAndAdopt} does it between two,
 * {@link #mortality} anywhere: before and after every effect, every commit, and in the middle of taking over.
 */
public final class VirtioRig implements AutoCloseable {

    /** Where in a transaction the process dies. */
    public enum KillPoint {
        /** Everything is done, nothing is committed: the message is delivered again. */
        BEFORE_COMMIT,
        /** Committed, and nothing shown to the driver. */
        AFTER_COMMIT,
        /** After what follows the commit, too. */
        AFTER_EFFECTS,
        /** It lives. */
        NOWHERE
    }

    /** Guest memory of a rig unless it is told otherwise. */
    public static final long MEMORY_BYTES = 4 << 20;

    private static final int MOST_ROUNDS = 100_000;
    private static final long PATIENCE_NS = 30_000_000_000L;

    private static final int READ = 0;
    private static final int WRITE = 1;
    private static final int KICK = 2;
    private static final int RESET = 3;
    private static final int TIMER = 4;
    private static final int WORK = 5;
    private static final int RESAMPLE = 6;
    private static final int HOST_REQUEST = 7;
    private static final int BACKENDS = 8;

    private final VirtioProcess process;
    private final DeviceConfig config;
    private final DeviceIdentity identity;
    private final Map<String, Fd> descriptors;
    private final MemFd memoryFd;
    private final GuestMemory memory;
    private final List<RigDriver> drivers = new ArrayList<>();
    private final RigEvents events = new RigEvents();

    /** Last descriptors given to the process. */
    private final List<Fd> given = new ArrayList<>();

    private @Nullable RigLife life;
    private UnsafeBuffer working;
    private final UnsafeBuffer committed;
    private DeviceCore core;
    private Backend[] backends;
    private Poller poller;

    private final Mortality mortality = new Mortality();
    private final RigEffects effects;
    private long nowNs = 1;
    private KillPoint nextKill = KillPoint.NOWHERE;
    private boolean givenUp;
    private long commits;
    private long result;

    /** A process of one function with the usual memory and no descriptors. */
    public VirtioRig(VirtioFactory factory, Map<String, String> entries) {
        this(factory, entries, Map.of(), MEMORY_BYTES);
    }

    /**
     * @param entries of the configuration, with the number of the function in front ({@code 0.queues}); what is missing comes from
     *     {@link VirtioFactory#exampleConfig}
     * @param descriptors by name ({@code 0.image}); the process gets duplicates, as after every kill
     */
    public VirtioRig(
            VirtioFactory factory, Map<String, String> entries, Map<String, Fd> descriptors, long memoryBytes) {
        this.process = new VirtioProcess(factory);
        DeviceConfig example = process.exampleConfig();
        this.config = key -> Optional.ofNullable(entries.get(key)).or(() -> example.find(key));
        this.identity = process.identity(config);
        this.descriptors = Map.copyOf(descriptors);
        this.memoryFd = MemFd.createSealed("rig", memoryBytes);
        this.memory = GuestMemory.map(memoryFd.fd(), memoryBytes);
        this.working = buffer();
        this.committed = buffer();
        this.effects = new RigEffects(identity.interrupts().size(), mortality);
        this.core = born(true);
        this.backends = makeBackends();
        this.core.resume(nowNs);
        this.poller = attach();
        int line = 0;
        for (int function = 0; function < identity.regions().size(); function++) {
            int vectors = 0;
            while (!identity.interrupts().get(line + vectors).level()) {
                vectors++;
            }
            drivers.add(new RigDriver(this, function, line, vectors));
            line += vectors + 1;
        }
        commit();
    }

    private UnsafeBuffer buffer() {
        return new UnsafeBuffer(ByteBuffer.allocateDirect(identity.stateLengthBytes()));
    }

    /** A device over the state, recorded where the test wants that. */
    private DeviceCore born(boolean fresh) {
        life = RigLife.begin(process, config, working, fresh, effects, memory, nowNs);
        return life == null ? process.create(config, working, fresh, effects, memory, nowNs) : life.core;
    }

    private Backend[] makeBackends() {
        return process.backends(
                        config,
                        name -> {
                            Fd fd = descriptors.get(name);
                            if (fd == null) {
                                return Optional.empty();
                            }
                            Fd duplicate = fd.duplicate();
                            given.add(duplicate);
                            return Optional.of(duplicate);
                        },
                        core,
                        events)
                .toArray(new Backend[0]);
    }

    private Poller attach() {
        int count = 0;
        for (Backend backend : backends) {
            count += backend.maxDescriptors();
        }
        Poller fresh = new Poller(Math.max(count, 1));
        for (Backend backend : backends) {
            backend.attach(fresh, nowNs);
        }
        return fresh;
    }

    // ---- parts

    /** The driver of a function. */
    public RigDriver driver(int function) {
        return drivers.get(function);
    }

    /** The driver of the only function. */
    public RigDriver driver() {
        return drivers.getFirst();
    }

    public GuestMemory memory() {
        return memory;
    }

    /** The device's back ends, of the process that lives now. */
    public List<Backend> backends() {
        return List.of(backends);
    }

    /** What the device told the supervisor: {@code escape 0 1}, {@code lost 0 32}. */
    public List<String> hostEvents() {
        return events.told;
    }

    /** Length of the whole state in bytes. */
    public int stateLengthBytes() {
        return identity.stateLengthBytes();
    }

    // ---- messages

    /** A register read. */
    public long read(int function, int offset, int widthBytes) {
        transaction(READ, function, offset, widthBytes, 0);
        return widthBytes == Long.BYTES ? result : result & ((1L << (8 * widthBytes)) - 1);
    }

    /** A register write. */
    public void write(int function, int offset, int widthBytes, long value) {
        long mask = widthBytes == Long.BYTES ? -1 : (1L << (8 * widthBytes)) - 1; // as the device's loop does
        transaction(WRITE, function, offset, widthBytes, value & mask);
    }

    /** A doorbell. */
    public void kick(int function, int queue) {
        transaction(KICK, function << 8 | queue, 0, 0, 0);
    }

    /** The machine's reset line. */
    public void reset() {
        transaction(RESET, 0, 0, 0, 0);
    }

    /** A request of the supervisor for some devices only; whether this one took it. */
    public boolean hostRequest(SupervisorRequestType request, long argument) {
        transaction(HOST_REQUEST, request.number(), 0, 0, argument);
        return result != 0;
    }

    /** The guest ended the level interrupt of a line. */
    public void resample(int line) {
        effects.levels[line] = false;
        transaction(RESAMPLE, line, 0, 0, 0);
    }

    /** Virtual time passes; timers fire at their deadlines. */
    public void advance(long durationNs) {
        settle();
        long endNs = nowNs + durationNs;
        int rounds = 0;
        while (deadlineNs() <= endNs) {
            nowNs = Math.max(nowNs, deadlineNs());
            if (core.nextDeadlineNs() <= nowNs) {
                transaction(TIMER, 0, 0, 0, 0);
            }
            settle();
            if (++rounds > MOST_ROUNDS) {
                throw new AssertionError("timers do not advance at " + nowNs + " ns");
            }
        }
        nowNs = endNs;
    }

    private long deadlineNs() {
        long deadlineNs = core.nextDeadlineNs();
        for (Backend backend : backends) {
            deadlineNs = Math.min(deadlineNs, backend.nextDeadlineNs());
        }
        return deadlineNs;
    }

    /** Lets the device do all it can: work left over, back ends. */
    public void settle() {
        for (int round = 0; round < MOST_ROUNDS; round++) {
            boolean changed = false;
            if (backends.length > 0) {
                transaction(BACKENDS, 0, 0, 0, 0);
                changed = result != 0;
            }
            if (core.hasWork()) {
                transaction(WORK, 0, 0, 0, 0);
                changed = true;
            }
            if (!changed) {
                return;
            }
        }
        throw new AssertionError("the device does not come to rest");
    }

    /** Settles, in real time, until something is so: for devices with threads of their own. */
    public void await(String what, BooleanSupplier condition) {
        long endNs = Clock.monotonicNs() + PATIENCE_NS;
        settle();
        while (!condition.getAsBoolean()) {
            if (Clock.monotonicNs() > endNs) {
                throw new AssertionError("never: " + what + "; guest errors: " + effects.guestErrors + ", last "
                        + Integer.toHexString(effects.lastGuestErrorCode));
            }
            Thread.onSpinWait();
            settle();
        }
    }

    // ---- transactions

    /** Where the process dies in the next transaction. */
    public void kill(KillPoint where) {
        nextKill = where;
    }

    /** Number of commits so far. */
    public long commits() {
        return commits;
    }

    /** Whether and where the process dies by chance. */
    public Mortality mortality() {
        return mortality;
    }

    /** Whatever dies, a message that is not committed is delivered again, and one that is committed is not. */
    private void mortalTransaction(int kind, int first, int second, int third, long argument) {
        boolean message = kind != WORK && kind != BACKENDS && kind != TIMER;
        boolean dead = false;
        boolean due = true;
        while (dead || due) {
            try {
                if (dead) {
                    killAndAdopt();
                    dead = false;
                }
                if (due) {
                    mortality.step();
                    run(kind, first, second, third, argument);
                    mortality.step();
                    store();
                    due = false;
                    mortality.step();
                    core.committed(nowNs);
                    mortality.step();
                }
            } catch (Mortality.Killed e) {
                dead = true;
                due &= message;
            }
        }
    }

    private void transaction(int kind, int first, int second, int third, long argument) {
        if (mortality.mortal()) {
            mortalTransaction(kind, first, second, third, argument);
            return;
        }
        KillPoint kill = nextKill;
        nextKill = KillPoint.NOWHERE;
        run(kind, first, second, third, argument);
        if (kill == KillPoint.BEFORE_COMMIT) {
            killAndAdopt();
            if (kind != WORK && kind != BACKENDS && kind != TIMER) {
                run(kind, first, second, third, argument); // its record is still in the ring
            }
        }
        store();
        if (kill == KillPoint.AFTER_COMMIT) {
            killAndAdopt();
            return;
        }
        core.committed(nowNs);
        if (kill == KillPoint.AFTER_EFFECTS) {
            killAndAdopt();
        }
    }

    private void run(int kind, int first, int second, int third, long argument) {
        switch (kind) {
            case READ -> result = core.read(first, second, third, nowNs);
            case WRITE -> core.write(first, second, third, argument, nowNs);
            case KICK -> core.kick(first, nowNs);
            case RESET -> core.reset(nowNs);
            case TIMER -> core.timer(nowNs);
            case WORK -> core.work(nowNs);
            case RESAMPLE -> core.resample(first, nowNs);
            case HOST_REQUEST ->
                result = core.hostRequest(Objects.requireNonNull(SupervisorRequestType.of(first)), argument, nowNs)
                        ? 1
                        : 0;
            default -> result = serveBackends() ? 1 : 0;
        }
    }

    private boolean serveBackends() {
        boolean changed = false;
        for (Backend backend : backends) {
            changed |= backend.flush(nowNs);
            changed |= backend.deliver(nowNs);
            backend.watch(poller);
        }
        poller.await(0);
        for (Backend backend : backends) {
            changed |= backend.service(poller, nowNs);
        }
        return changed;
    }

    private void store() {
        commits++;
        if (life != null) {
            life.commit(working, nowNs);
        }
        committed.putBytes(0, working, 0, working.capacity());
    }

    private void commit() {
        store();
        mortality.step();
        core.committed(nowNs);
    }

    private void bury() {
        for (Backend backend : backends) {
            backend.close();
        }
        if (life != null) {
            life.end();
            life = null;
        }
        backends = new Backend[0];
        given.forEach(Fd::close);
        given.clear();
    }

    /** It dies between two transactions, and a fresh one adopts its state. */
    public void killAndAdopt() {
        bury();
        working.setMemory(0, working.capacity(), (byte) 0xEE);
        working = buffer();
        working.putBytes(0, committed, 0, committed.capacity());
        core = givenUp ? process.createCaretaker(config, working, false, effects, memory, nowNs) : born(false);
        backends = givenUp ? new Backend[0] : makeBackends();
        core.resume(nowNs); // START
        poller = attach();
        mortality.step();
        commit();
    }

    /** The same for good: it is a caretaker that adopts, now and after each further death. */
    public void giveUp() {
        givenUp = true;
        killAndAdopt();
    }

    /** A copy of what is committed. */
    public byte[] state() {
        byte[] bytes = new byte[committed.capacity()];
        committed.getBytes(0, bytes);
        return bytes;
    }

    /**
     * A fresh process adopts some other state, perhaps one that cannot be.
     *
     * @throws io.jvmm.device.api.StateRejectedException as the device does; the rig is of no more use then
     */
    public void adopt(byte[] state) {
        committed.putBytes(0, state);
        killAndAdopt();
    }

    // ---- what came out

    /** Takes the number of edges of a line since the last call: a vector of function 0 is a line. */
    public long takeEdges(int line) {
        long count = effects.edges[line];
        effects.edges[line] = 0;
        return count;
    }

    /** The level of a line. */
    public boolean level(int line) {
        return effects.levels[line];
    }

    /** Guest errors so far. */
    public long guestErrors() {
        return effects.guestErrors;
    }

    /** Code of the last guest error. */
    public int lastGuestErrorCode() {
        return effects.lastGuestErrorCode;
    }

    public long lastGuestErrorDetail() {
        return effects.lastGuestErrorDetail;
    }

    /** Changes of the configuration the board was told of. */
    public int configChanges() {
        return effects.configChanges;
    }

    /** How often the board was told that a function needs a reset. */
    public int needsResets() {
        return effects.needsResets;
    }

    /** Virtual time. */
    public long nowNs() {
        return nowNs;
    }

    @Override
    public void close() {
        bury();
        memory.close();
        memoryFd.close();
    }
}
