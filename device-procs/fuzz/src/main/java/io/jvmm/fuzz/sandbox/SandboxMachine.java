package io.jvmm.fuzz.sandbox;

import io.jvmm.device.api.DeviceCore;
import io.jvmm.device.api.DeviceIdentity;
import io.jvmm.device.api.NamedRegister;
import io.jvmm.fuzz.machine.FindingException;
import io.jvmm.fuzz.machine.GuestDriver;
import io.jvmm.fuzz.machine.GuestSide;
import io.jvmm.fuzz.program.InputReader;
import io.jvmm.fuzz.program.Operation;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.sys.MemFd;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A device process in its jail, with everything around it played here: guest, another vCPU that writes to memory meanwhile, host, supervisor, and where a script says so
 * a vCPU process that was taken over. A session is the life of a device from power-on, in one process or several.
 *
 * <p>The oracles, all from outside: {@link Session}'s, and of virtqueues what {@link GuestDriver} knows. One thread.
 */
final class SandboxMachine implements GuestSide, AutoCloseable {
    static final int MEMORY_BYTES = 1 << 20;

    private static final long MOST_SLEEP_NS = 2_000_000;
    private static final int PING_EVERY = 16;
    /** Of those queues that are of interest first. */
    private static final int RINGS_BYTES = 0x1000;

    private static final SupervisorRequestType[] REQUESTS = SupervisorRequestType.values();

    private final SandboxDevice device;
    private final DeviceIdentity identity;
    private final NamedRegister[] registers;
    private final Feedback feedback;
    private final MemFd memoryFd;
    private final GuestMemory memory;
    private final Churner churner;
    private final Session session;
    private final RemoteCore core;
    private final InputReader input = new InputReader();
    private @Nullable GuestDriver driver;
    private long cases;

    /**
     * Prepares; nothing runs before {@link #begin}.
     *
     * @param boundNs so long a process may be silent
     */
    SandboxMachine(SandboxDevice device, Spares spares, Feedback feedback, long boundNs) {
        this.device = device;
        this.feedback = feedback;
        this.identity = device.identity();
        this.registers = device.factory().registers().toArray(new NamedRegister[0]);
        this.memoryFd = MemFd.createSealed("sandbox-memory", MEMORY_BYTES);
        this.memory = GuestMemory.map(memoryFd.fd(), MEMORY_BYTES);
        this.churner = new Churner(memory);
        this.session = new Session(device, identity, spares, memoryFd, feedback, boundNs);
        this.core = new RemoteCore(session::board);
    }

    /** A device at power-on, in a process of its own. */
    void begin() {
        churner.rest();
        memory.backing().fill((byte) 0);
        session.begin();
        if (device.vocabulary().contains(Operation.SETUP)) {
            GuestDriver guest = new GuestDriver(this, identity, memory);
            guest.clear();
            driver = guest;
        }
        cases = 0;
    }

    /** It is told to stop, and does. */
    void end() {
        churner.rest();
        session.honest();
        session.stop();
    }

    /** All of a script; what it throws is a finding. */
    void run(Script script) {
        for (byte[] step : script.steps()) {
            step(step);
        }
    }

    /** How many cases there were. */
    long cases() {
        return cases;
    }

    Session session() {
        return session;
    }

    @Override
    public DeviceCore core() {
        return core;
    }

    @Override
    public long nowNs() {
        return 0;
    }

    @Override
    public void settle() {
        // The device works by itself.
    }

    // ---- steps

    private void step(byte[] step) {
        input.wrap(step);
        input.u8();
        if (Script.isOutside(device.vocabulary(), step)) {
            outside(Script.outside(device.vocabulary(), step), step);
        } else {
            session.honest();
            operation(device.vocabulary().get(step[0] & 0xFF));
        }
        session.look();
        check();
    }

    private void check() {
        GuestDriver guest = driver;
        if (guest != null && session.isHonest() && !churner.isActive() && !device.takesMemory()) {
            try {
                guest.check();
            } catch (FindingException e) {
                throw new SandboxFinding(String.valueOf(e.getMessage()), rings());
            }
        }
    }

    /** What the driver and the device have agreed on, as it lies in memory: lines that are not all zeros. */
    private String rings() {
        StringBuilder text = new StringBuilder("guest memory:\n");
        for (int at = 0; at < RINGS_BYTES; at += 2 * Long.BYTES) {
            long low = memory.get64(at, 0);
            long high = memory.get64(at + Long.BYTES, 0);
            if ((low | high) != 0) {
                text.append(String.format("%05x: %016x %016x%n", at, low, high));
            }
        }
        return text.toString();
    }

    private void outside(Outside what, byte[] step) {
        switch (what) {
            case CASE -> newCase();
            case LIE -> session.lie(lies -> lies.tell(Script.lie(step), Script.unsigned(step, 2, 4)));
            case STORM ->
                session.lie(lies -> lies.storm(Script.unsigned(step, 1, 1) % 64, Script.unsigned(step, 2, 4)));
            case SUPERVISOR_LIE ->
                session.lieAsSupervisor(lies -> lies.tell(Script.lie(step), Script.unsigned(step, 2, 4)));
            case SUPERVISE -> {
                session.honest();
                supervise(REQUESTS[input.u8() % REQUESTS.length], input.u32());
            }
            case CHURN -> {
                meddle();
                churner.storm(Script.unsigned(step, 1, 4));
            }
            case BELLS -> session.bells(input.u8());
            case KILL -> adopt(false);
            case DAMAGE -> {
                int offset = input.u16();
                session.damageState(offset, input.u8());
                rest();
            }
            case HEADER -> {
                int offset = input.u8();
                session.damageHeader(offset, (int) input.u32());
                rest();
            }
        }
    }

    /** Nobody knows any more what the driver and the device have agreed on. */
    private void rest() {
        if (driver != null) {
            driver.reset();
        }
    }

    private void adopt(boolean renewed) {
        session.honest();
        session.replace(renewed);
    }

    private void newCase() {
        churner.rest();
        session.honest();
        cases++;
        core.reset(0);
        session.sync();
        if (cases % PING_EVERY == 0) {
            session.ping();
            session.weigh();
        }
        memory.backing().fill((byte) 0);
        if (driver != null) {
            driver.clear();
        }
        session.noteCounters();
    }

    /** Any request but STOP, and what makes the device serve again. */
    private void supervise(SupervisorRequestType request, long argument) {
        if (request != SupervisorRequestType.STOP) {
            session.request(request, argument);
            if (request == SupervisorRequestType.PAUSE || request == SupervisorRequestType.DRAIN) {
                session.request(SupervisorRequestType.RESUME, 0);
            }
        }
    }

    private void operation(Operation operation) {
        switch (operation) {
            case WRITE -> write();
            case READ -> read();
            case SET -> set(input.u8(), input.u32());
            case SET8 -> set(input.u8(), input.u8());
            case GET -> get(input.u8());
            case SLEEP -> sleep(input.nanoseconds());
            case INPUT -> {
                int port = input.u8();
                int length = input.u8();
                int at = input.position();
                session.host().input(port, input.bytes(), at, input.skip(length));
            }
            case LINE -> {
                input.u8();
                session.host().line(input.u8() % 5);
            }
            case RESAMPLE -> session.resample(input.u8());
            case POWER -> session.request(SupervisorRequestType.POWER_BUTTON, 0);
            case RESET -> {
                core.reset(0);
                rest();
            }
            case ADOPT -> adopt(false);
            case MEMORY -> guestWrites();
            case FLIP -> flip();
            case KICK -> core.kick(input.u8(), 0);
            case SETUP, OFFER, SUPPRESS -> {
                if (driver != null) {
                    driver.act(operation, input);
                }
            }
            case ANSWER -> {
                // The host here is a real one.
            }
            case EVENT -> session.host().event(input.u8(), input.u16());
            case REQUEST ->
                session.request(
                        (input.u8() & 1) == 0 ? SupervisorRequestType.RESIZE : SupervisorRequestType.BALLOON,
                        input.u32());
            case PAUSE -> {
                session.request(SupervisorRequestType.PAUSE, 0);
                sleep(input.nanoseconds());
                session.request(SupervisorRequestType.RESUME, 0);
            }
        }
    }

    private static void sleep(long ns) {
        LockSupport.parkNanos(Math.min(ns, MOST_SLEEP_NS));
    }

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
        core.write(region, at, width, width == Long.BYTES ? value | value << 32 : cut(value, width), 0);
    }

    private void read() {
        int rw = input.u8();
        int offset = input.u16();
        int region = (rw >>> 2) % identity.regions().size();
        int width = width(rw, region);
        read(region, offset % (identity.regions().get(region).lengthBytes() - width + 1), width);
    }

    private void read(int region, int offset, int width) {
        long value = core.read(region, offset, width, 0);
        feedback.note(Feedback.Kind.REGISTER, (long) region << 32 | (long) offset << 4 | width, value);
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
        if (registers.length > 0) {
            NamedRegister named = registers[register % registers.length];
            if (driver != null) {
                driver.touched(named.offset());
            }
            core.write(named.region(), named.offset(), named.widthBytes(), cut(value, named.widthBytes()), 0);
        }
    }

    private void get(int register) {
        if (registers.length > 0) {
            NamedRegister named = registers[register % registers.length];
            read(named.region(), named.offset(), named.widthBytes());
        }
    }

    private void guestWrites() {
        int address = input.u24();
        int length = input.u8();
        int at = input.position();
        int taken = input.skip(length);
        long first = GuestDriver.address(address);
        for (int i = 0; i < taken; i++) {
            memory.put8(first + i, input.bytes()[at + i]);
        }
        if (driver != null) {
            driver.overwritten(address, taken);
        }
    }

    private void flip() {
        input.u8();
        int address = input.u16();
        meddle();
        churner.flip((int) GuestDriver.address(address), (byte) input.u8());
    }

    /** From now on another vCPU writes where it likes: nothing the device does with rings proves anything. */
    private void meddle() {
        session.honest();
        if (driver != null) {
            driver.overwritten(0, GuestDriver.MEMORY_BYTES);
        }
    }

    @Override
    public void close() {
        churner.close();
        session.close();
        memory.close();
        memoryFd.close();
    }
}
