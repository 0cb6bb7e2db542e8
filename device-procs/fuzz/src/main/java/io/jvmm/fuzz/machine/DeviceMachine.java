package io.jvmm.fuzz.machine;

import com.sun.management.ThreadMXBean;
import io.jvmm.device.api.DeviceCore;
import io.jvmm.device.api.DeviceIdentity;
import io.jvmm.device.api.HostPorts;
import io.jvmm.device.api.NamedRegister;
import io.jvmm.device.api.StateRejectedException;
import io.jvmm.fuzz.program.InputReader;
import io.jvmm.fuzz.program.Operation;
import io.jvmm.ipc.message.SupervisorRequestType;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32C;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Runs inputs against a device, one case after the other, each on a machine as after power-on. The device is the shipped one and is treated as its process
 * treats it: one call a transaction, committed, then the work that is left over, then the host's side.
 *
 * <p>The oracles, beside exceptions and assertions of the device's own:
 *
 * <ul>
 *   <li>interrupts of lines that the device has, of their kind; what a driver may rely on of virtqueues ({@link GuestDriver});
 *   <li>{@code timer} advances {@code nextDeadlineNs}; left-over work ends ({@link #MOST_PIECES}); streams keep to the room that was asked;
 *   <li>the state can be adopted by the factory that made it, anywhere.
 * </ul>
 *
 * <p>One thread. Between cases nothing is left of the one before: the state is copied back, and so is what {@link CoreImage} reaches.
 */
public final class DeviceMachine implements GuestSide {
    /** More pieces of left-over work than this in a row are no end. */
    private static final int MOST_PIECES = 4096;

    private static final int MOST_OPERATIONS = 512;
    private static final int MOST_SUCCESSORS = 4;
    private static final int MOST_TIMERS = 64;
    private static final int MOST_OUTPUT_TURNS = 64;
    private static final int CHUNK = 256;
    /** One case in sixteen ends with a successor that adopts the state. */
    private static final int ADOPTIONS = 15;

    private static final int MOST_TURNS_AT_THE_END = 200;
    private static final long TURN_AT_THE_END_NS = 500_000_000;
    private static final long BEGINNING_NS = 1L << 40;

    private static final int TRIES = 8;
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private static final SupervisorRequestType[] REQUESTS = {SupervisorRequestType.RESIZE, SupervisorRequestType.BALLOON
    };

    private final Subject subject;
    private final DeviceIdentity identity;
    private final Operation[] vocabulary;
    private final NamedRegister[] registers;
    private final Watched effects;
    private final FuzzTape tape;
    private final @Nullable FuzzMemory memory;
    private final @Nullable GuestDriver driver;
    private final InputReader input = new InputReader();
    private final UnsafeBuffer chunk = new UnsafeBuffer(new byte[CHUNK]);
    private final UnsafeBuffer hostBytes = new UnsafeBuffer(new byte[CHUNK]);
    private boolean hostTakes;
    private boolean thorough;
    private int successors;
    private long outputBytes;
    private long nowNs;
    private final HostModel.Calls calls = this::hostCall;
    private final CaseWriter writer;
    private final Lives lives;
    private DeviceCore core;

    public DeviceMachine(Subject subject) {
        this.subject = subject;
        this.identity = subject.factory().identity(subject.config());
        this.vocabulary = subject.vocabulary().toArray(new Operation[0]);
        this.registers = subject.factory().registers().toArray(new NamedRegister[0]);
        this.tape = new FuzzTape(subject.host());
        this.effects = new Watched(identity, tape);
        this.writer = new CaseWriter(tape);
        this.memory = subject.factory().usesGuestMemory(subject.config()) ? new FuzzMemory(tape) : null;
        this.lives = new Lives(subject, identity, tape, effects, memory, writer, calls);
        nowNs = BEGINNING_NS;
        core = lives.make(true, nowNs);
        driver = memory == null || subject.maker() == null
                ? null
                : new GuestDriver(this, identity, memory.memory(), effects);
        lives.keepFirst(this);
    }

    /** What a case begins with beside its state. */
    @Override
    public String toString() {
        return lives.toString();
    }

    /**
     * Runs a case once more and writes down the life of the device, as the recorder does; of several the last one, but for the successor behind the end. What the
     * case throws is kept for itself.
     *
     * @param file is made
     */
    public void record(byte[] bytes, Path file) throws IOException {
        writer.to(file);
        try {
            run(bytes);
        } catch (RuntimeException | Error e) {
            // that is what is recorded
        } finally {
            writer.stop();
            core = lives.powerOn();
        }
    }

    private void hostCall(int method, long a, long b, long c) {
        tape.call(method, a, b, c, nowNs);
        if (!lives.hostCalls().call(method, a, b, c, nowNs, chunk, 0)) {
            throw new IllegalStateException(
                    "the model of the host calls " + lives.hostCalls().nameOf(method) + " " + a + " " + b + " " + c);
        }
    }

    /** One case. What it throws is a finding. */
    public void run(byte[] bytes) {
        if (operations(bytes) > 0 && !writer.writes()) {
            checkAllocation(bytes);
        }
        if (driver != null) {
            finish(driver);
        }
        if (!writer.writes() && (thorough || (Arrays.hashCode(bytes) & ADOPTIONS) == 0)) {
            checkAdoption();
        }
    }

    /** What the device allocates in a case, but for that of successors; 0 is what it promises. */
    private long operations(byte[] bytes) {
        begin();
        input.wrap(bytes);
        successors = 0;
        outputBytes = 0;
        long before = THREADS.getCurrentThreadAllocatedBytes();
        for (int i = 0; i < MOST_OPERATIONS && input.hasMore(); i++) {
            step(vocabulary[input.u8() % vocabulary.length]);
        }
        return successors > 0 ? 0 : THREADS.getCurrentThreadAllocatedBytes() - before;
    }

    /** Runs a case up to its last operation; what that brought about. */
    Reached reach(byte[] bytes) {
        operations(bytes);
        CRC32C sum = new CRC32C();
        sum.update(lives.state());
        if (memory != null) {
            sum.update(memory.memory().backing().toArray(ValueLayout.JAVA_BYTE));
        }
        return new Reached(
                driver != null && driver.wasLive(),
                driver == null ? List.of() : driver.returned(),
                effects.interrupts(),
                outputBytes,
                effects.powered(),
                sum.getValue());
    }

    /** The JVM allocates where it has not been before; a device that does so has to do it every time. */
    private void checkAllocation(byte[] bytes) {
        long least = Long.MAX_VALUE;
        for (int i = 0; i < TRIES && least > 0; i++) {
            least = Math.min(least, operations(bytes));
        }
        if (least > 0) {
            throw new FindingException("a case allocates " + least + " bytes, however often it is run");
        }
    }

    /** From now on the dear oracles are asked in every case, rather than in some. */
    public void thorough() {
        thorough = true;
    }

    private void begin() {
        nowNs = BEGINNING_NS;
        hostTakes = true;
        subject.host().chosen().clear();
        effects.clear();
        tape.clear();
        if (memory != null) {
            memory.clear();
        }
        if (driver != null) {
            driver.clear();
        }
        core = writer.writes() ? lives.afresh(nowNs) : lives.powerOn();
        core.resume(nowNs);
        settle();
    }

    private void step(Operation operation) {
        switch (operation) {
            case WRITE -> write();
            case READ -> read();
            case SET -> set(input.u8(), input.u32());
            case SET8 -> set(input.u8(), input.u8());
            case GET -> get(input.u8());
            case SLEEP -> advance(input.nanoseconds());
            case INPUT -> hostInput();
            case LINE -> line(input.u8(), input.u8());
            case RESAMPLE -> resample(input.u8());
            case POWER -> core.powerButton(nowNs);
            case RESET -> {
                core.reset(nowNs);
                if (driver != null) {
                    driver.reset();
                }
            }
            case ADOPT -> adopt();
            case MEMORY -> guestWrites();
            case FLIP -> flip();
            case KICK -> core.kick(input.u8(), nowNs);
            case SETUP, OFFER, SUPPRESS -> driverDoes(operation);
            case ANSWER -> {
                int length = input.u8();
                int at = input.position();
                subject.host().chosen().add(input.bytes(), at, input.skip(length));
            }
            case EVENT -> subject.host().event(input.u8(), input.u16(), calls);
            case REQUEST -> core.hostRequest(REQUESTS[input.u8() % REQUESTS.length], input.u32(), nowNs);
            case PAUSE -> {
                long pausedNs = input.nanoseconds();
                nowNs += pausedNs;
                core.resumed(pausedNs, nowNs);
            }
        }
        settle();
        if (driver != null) {
            driver.check();
        }
    }

    // ---- the guest

    private void write() {
        int rw = input.u8();
        int offset = input.u16();
        long value = input.u32();
        int region = (rw >>> 2) % identity.regions().size();
        int width = width(rw, region);
        int at = offset % (identity.regions().get(region).lengthBytes() - width + 1);
        if (driver != null) {
            driver.touched(at);
        }
        core.write(region, at, width, width == Long.BYTES ? value | value << 32 : cut(value, width), nowNs);
    }

    private void read() {
        int rw = input.u8();
        int offset = input.u16();
        int region = (rw >>> 2) % identity.regions().size();
        int width = width(rw, region);
        core.read(region, offset % (identity.regions().get(region).lengthBytes() - width + 1), width, nowNs);
    }

    private int width(int rw, int region) {
        int width = 1 << (rw & 3);
        while (width > identity.regions().get(region).lengthBytes()) {
            width >>= 1;
        }
        return width;
    }

    private static long cut(long value, int width) {
        return width >= Long.BYTES ? value : value & ((1L << (8 * width)) - 1);
    }

    private void set(int register, long value) {
        if (registers.length == 0) {
            return;
        }
        NamedRegister named = registers[register % registers.length];
        if (driver != null) {
            driver.touched(named.offset());
        }
        core.write(named.region(), named.offset(), named.widthBytes(), cut(value, named.widthBytes()), nowNs);
    }

    private void get(int register) {
        if (registers.length > 0) {
            NamedRegister named = registers[register % registers.length];
            core.read(named.region(), named.offset(), named.widthBytes(), nowNs);
        }
    }

    private void resample(int line) {
        int which = line % Math.max(1, identity.interrupts().size());
        if (identity.interrupts().get(which).level()) {
            effects.lower(which);
            core.resample(which, nowNs);
        }
    }

    private void guestWrites() {
        int address = input.u24();
        int length = input.u8();
        int at = input.position();
        int taken = input.skip(length);
        if (memory != null) {
            memory.write(address, input.bytes(), at, taken);
            if (driver != null) {
                driver.overwritten(address, taken);
            }
        }
    }

    private void flip() {
        int nth = input.u8();
        int address = input.u16();
        int value = input.u8();
        if (memory != null) {
            long at = memory.memory().resolve(FuzzMemory.address(address), 1);
            tape.flip(nth, at, value);
            if (driver != null) {
                driver.overwritten(address, 1);
            }
        }
    }

    private void driverDoes(Operation operation) {
        long pending = tape.pendingFlip();
        if (driver != null) {
            driver.act(operation, input);
            if (pending >= 0) { // a ring set up under it is not the driver's own either; it may have changed by now
                driver.overwritten((int) pending, 1);
            }
        }
    }

    // ---- time

    private void advance(long durationNs) {
        long endNs = nowNs + durationNs;
        for (int calls = 0; core.nextDeadlineNs() <= endNs; calls++) {
            // Once it has been called often enough it is late, and folds what it has missed.
            nowNs = calls < MOST_TIMERS ? Math.max(nowNs, core.nextDeadlineNs()) : endNs;
            core.timer(nowNs);
            if (core.nextDeadlineNs() <= nowNs) {
                throw new FindingException("timer(" + nowNs + ") leaves nextDeadlineNs at " + core.nextDeadlineNs());
            }
            settle();
        }
        nowNs = endNs;
    }

    private @Nullable HostPorts ports() {
        return identity.hostPorts() > 0 ? core : lives.ports();
    }

    private int portCount() {
        return identity.hostPorts() > 0 ? identity.hostPorts() : subject.portCount();
    }

    private void hostInput() {
        int which = input.u8();
        int length = input.u8();
        int at = input.position();
        int taken = input.skip(length);
        HostPorts ports = ports();
        if (ports == null || portCount() == 0) {
            return;
        }
        int port = which % portCount();
        int room = ports.hostInputRoom(port);
        if (room < 0) {
            throw new FindingException("room for " + room + " bytes of the host's");
        }
        int offered = Math.min(taken, room);
        hostBytes.putBytes(0, input.bytes(), at, offered);
        int accepted = offered == 0 ? 0 : ports.hostInput(port, hostBytes, 0, offered, nowNs);
        if (accepted < 0 || accepted > offered) {
            throw new FindingException("took " + accepted + " of " + offered + " bytes of the host's");
        }
    }

    private void line(int which, int what) {
        HostPorts ports = ports();
        if (ports == null || portCount() == 0) {
            return;
        }
        int port = which % portCount();
        switch (what % 5) {
            case 0 -> ports.hostBreak(port, nowNs);
            case 1 -> ports.hostCarrier(port, true, nowNs);
            case 2 -> ports.hostCarrier(port, false, nowNs);
            case 3 -> hostTakes = false;
            default -> hostTakes = true;
        }
    }

    // ---- what the runtime does after every call

    /** Commits, and does what is left over, as the duty cycle does. */
    @Override
    public void settle() {
        commit();
        work();
        subject.host().service(calls);
        commit();
        work();
        output();
    }

    private void commit() {
        tape.commit();
        core.committed(nowNs);
    }

    private void work() {
        for (int pieces = 0; core.hasWork(); pieces++) {
            if (pieces > MOST_PIECES) {
                throw new FindingException("work without an end: " + MOST_PIECES + " pieces in a row");
            }
            core.work(nowNs);
            commit();
        }
    }

    private void output() {
        HostPorts ports = ports();
        if (ports == null || !hostTakes) {
            return;
        }
        for (int port = 0; port < portCount(); port++) {
            for (int turn = 0; turn < MOST_OUTPUT_TURNS; turn++) {
                int count = ports.hostOutput(port, chunk, 0, CHUNK);
                if (count < 0 || count > CHUNK) {
                    throw new FindingException(count + " bytes of output, " + CHUNK + " were asked for");
                }
                if (count == 0) {
                    break;
                }
                int taken = Math.max(1, count - subject.host().chosen().next() * count / CHUNK);
                outputBytes += taken;
                ports.hostOutputDone(port, taken, nowNs);
                commit();
                work();
            }
        }
    }

    // ---- successors

    private void adopt() {
        if (successors == MOST_SUCCESSORS) {
            return; // making one is dear, and the next tells no more
        }
        successors++;
        try {
            core = lives.make(false, nowNs);
        } catch (StateRejectedException e) {
            throw new FindingException("a state that the device has left is refused: " + e.getMessage(), e);
        }
        core.resume(nowNs);
    }

    /** Whether a successor could go on; the core in hand goes on itself. */
    private void checkAdoption() {
        adopt();
        settle();
    }

    // ---- the end of a case

    /** A host that behaves, a driver that kicks, and time: now every buffer that has to come back does. */
    private void finish(GuestDriver guest) {
        hostTakes = true;
        subject.host().chosen().clear();
        guest.kickAll();
        for (int turn = 0; turn < MOST_TURNS_AT_THE_END; turn++) {
            subject.host().behave(calls);
            settle();
            guest.check();
            if (!guest.isWaiting(subject.answering())) {
                reset(guest);
                return;
            }
            advance(TURN_AT_THE_END_NS);
        }
        guest.complain(subject.answering());
    }

    /** A driver resets the device and waits for 0 (virtio 1.2 §2.4.2): that comes once the host is done with what it had. */
    private void reset(GuestDriver guest) {
        guest.beginReset();
        for (int turn = 0; turn < MOST_TURNS_AT_THE_END; turn++) {
            settle();
            if (guest.isReset()) {
                return;
            }
            subject.host().behave(calls);
        }
        throw new FindingException("a reset of the device never completes, though the host does all it is asked");
    }

    @Override
    public DeviceCore core() {
        return core;
    }

    @Override
    public long nowNs() {
        return nowNs;
    }
}
