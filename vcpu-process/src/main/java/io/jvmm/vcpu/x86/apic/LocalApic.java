package io.jvmm.vcpu.x86.apic;

import static io.jvmm.vcpu.x86.apic.ApicRegister.*;

import io.jvmm.vcpu.state.StateCursor;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The local APIC of one processor (SDM 3A chapter 11): a pure state machine, no thread and no clock.
 *
 * <p>{@link #receive} and what routing asks (the package-private predicates) may be called by any thread: requests are atomic
 * bits, the identity that they are matched with is published by volatile fields. Everything else is the vCPU's own thread's.
 * Whatever may need the processor's attention calls the {@code wake} it was given.
 */
public final class LocalApic {
    /** {@link #takeStartup()}: INIT has been received. */
    public static final int STARTUP_INIT = 0x100;
    /** {@link #takeStartup()}: a start-up message has been received; its vector is in bits 7:0. */
    public static final int STARTUP_SIPI = 0x200;

    private final int id;
    private final ApicBus bus;
    private final Runnable wake;
    private final ApicTimer timer = new ApicTimer();

    private final VectorSet requested = new VectorSet();
    private final VectorSet levelTriggered = new VectorSet();
    private final VectorSet inService = new VectorSet();
    private final AtomicInteger errors = new AtomicInteger();
    private final AtomicInteger startup = new AtomicInteger();
    private volatile boolean nmi;

    private volatile long base;
    private volatile boolean accepting;
    private volatile boolean external;
    /** LDR: bits 31:24 in xAPIC mode, all of it in x2APIC mode. */
    private volatile int logicalId;

    private volatile int destinationFormat;
    private volatile int taskPriority;

    private int spurious;
    private int errorStatus;
    private int icrLow;
    private int icrHigh;
    private final int[] lvt = new int[LVT_COUNT];

    /**
     * The APIC of processor {@code id}, added to {@code bus}, in its state after reset; that of processor 0 is the boot
     * processor's.
     *
     * @param wake makes the processor look at its interrupts soon; called by any thread
     */
    public LocalApic(int id, ApicBus bus, Runnable wake) {
        this.id = id;
        this.bus = bus;
        this.wake = wake;
        this.base = BASE_ADDRESS | BASE_ENABLE | (id == 0 ? BASE_BSP : 0);
        clearRegisters();
        bus.add(this);
    }

    /** INIT (11.4.7.3): everything but the APIC id, the base register and with it the mode is as after reset. */
    public void init() {
        clearRegisters();
    }

    private void clearRegisters() {
        requested.clear();
        levelTriggered.clear();
        inService.clear();
        errors.set(0);
        nmi = false;
        spurious = 0xff;
        errorStatus = 0;
        icrLow = 0;
        icrHigh = 0;
        Arrays.fill(lvt, LVT_MASKED);
        timer.reset();
        taskPriority = 0;
        destinationFormat = MODEL_FLAT;
        logicalId = isX2() ? x2LogicalId() : 0;
        publish();
    }

    /**
     * What firmware leaves behind for an operating system that sets up nothing: the virtual wire (MultiProcessor
     * Specification 3.6.2.2). The 8259s reach the boot processor through LINT0, LINT1 is NMI.
     */
    public void wireAsFirmware() {
        spurious |= SVR_ENABLE;
        lvt[LVT_LINT0 - LVT_TIMER] = id == 0 ? ApicBus.EXT_INT << 8 : LVT_MASKED;
        lvt[LVT_LINT1 - LVT_TIMER] = ApicBus.NMI << 8;
        publish();
    }

    private void publish() {
        final boolean enabled = isEnabled();
        accepting = enabled && (spurious & SVR_ENABLE) != 0;
        final int lint0 = lvt[LVT_LINT0 - LVT_TIMER];
        external = !enabled || ((lint0 & LVT_MASKED) == 0 && ((lint0 >> 8) & 7) == ApicBus.EXT_INT);
    }

    // ---- for routing: any thread ----

    int id() {
        return id;
    }

    boolean isAccepting() {
        return accepting;
    }

    /** Whether the 8259s' INTR is taken: through LINT0, or directly where the APIC is off. */
    boolean acceptsExternal() {
        return external;
    }

    void wake() {
        wake.run();
    }

    /** The task priority, which is what idle processors differ by. */
    int arbitrationPriority() {
        return taskPriority;
    }

    /** 11.6.2.1, 11.6.2.2 and 11.12.10. */
    boolean isAddressed(int destination, boolean logical) {
        if ((base & BASE_ENABLE) == 0) {
            return false;
        }
        if (destination == ApicBus.EVERYBODY) {
            return true;
        }
        if (!logical) {
            return destination == id;
        }
        final int mine = logicalId;
        if (isX2()) {
            return destination >>> 16 == mine >>> 16 && (destination & mine & 0xffff) != 0;
        }
        final int bits = mine >>> 24;
        if (destination >>> 8 != 0) {
            return false;
        }
        return destinationFormat == MODEL_FLAT
                ? (destination & bits) != 0
                : destination >>> 4 == bits >>> 4 && (destination & bits & 0xf) != 0;
    }

    /**
     * Takes a message in, by delivery mode; what this processor does not take is dropped.
     *
     * @return whether it was taken
     */
    boolean receive(int mode, int vector, boolean level) {
        switch (mode) {
            case ApicBus.FIXED, ApicBus.LOWEST_PRIORITY -> {
                return request(vector, level);
            }
            case ApicBus.NMI -> {
                nmi = true;
                wake.run();
            }
            case ApicBus.INIT -> {
                startup.set(STARTUP_INIT);
                wake.run();
            }
            case ApicBus.STARTUP -> {
                // Of several the first counts: the processor leaves its wait with it (11.4.3).
                final int before = startup.get();
                if ((before & STARTUP_SIPI) == 0) {
                    startup.compareAndSet(before, before | STARTUP_SIPI | vector);
                }
                wake.run();
            }
            default -> {
                // SMI has no handler here, ExtINT comes over LINT0 only, the rest is reserved.
            }
        }
        return true;
    }

    private boolean request(int vector, boolean level) {
        if (!accepting) {
            return false;
        }
        if (vector < LOWEST_VECTOR) {
            raise(ERROR_RECEIVE_ILLEGAL_VECTOR);
            return false;
        }
        if (level) {
            levelTriggered.add(vector);
        } else {
            levelTriggered.remove(vector);
        }
        requested.add(vector);
        wake.run();
        return true;
    }

    private void raise(int error) {
        final int before = errors.getAndUpdate(e -> e | error);
        final int entry = lvt[LVT_ERROR - LVT_TIMER];
        if ((before & error) == 0 && (entry & LVT_MASKED) == 0 && (entry & 0xff) >= LOWEST_VECTOR) {
            request(entry & 0xff, false);
        }
    }

    // ---- the processor's side: its own thread ----

    /** Whether an interrupt of this APIC would be taken now if RFLAGS.IF allowed it. */
    public boolean isInterruptPending() {
        if (!accepting) {
            return false;
        }
        final int vector = requested.highest();
        return vector >= 0 && vector >> 4 > processorPriority() >> 4;
    }

    /** The vector to take now, which is then in service; the spurious vector when there is none any more (11.9). */
    public int acknowledge() {
        if (!isInterruptPending()) {
            return spurious & 0xff;
        }
        final int vector = requested.highest();
        inService.add(vector);
        requested.remove(vector);
        return vector;
    }

    /** Takes a pending NMI. */
    public boolean takeNmi() {
        final boolean pending = nmi;
        if (pending) {
            nmi = false;
        }
        return pending;
    }

    /** Takes INIT and start-up messages: {@link #STARTUP_INIT} or'ed with {@link #STARTUP_SIPI} and a vector; 0 for none. */
    public int takeStartup() {
        return startup.get() == 0 ? 0 : startup.getAndSet(0);
    }

    /** Whether {@link #takeStartup()} would take something. */
    public boolean isStartupPending() {
        return startup.get() != 0;
    }

    /** TPR, bits 7:0. */
    public int taskPriority() {
        return taskPriority;
    }

    /** Sets TPR. */
    public void setTaskPriority(int value) {
        final int before = taskPriority;
        taskPriority = value & 0xff;
        if (taskPriority < before) {
            wake.run();
        }
    }

    /** PPR (11.8.3.1). */
    int processorPriority() {
        final int servicing = Math.max(inService.highest(), 0);
        return taskPriority >> 4 >= servicing >> 4 ? taskPriority : servicing & 0xf0;
    }

    /** IA32_APIC_BASE. */
    public long base() {
        return base;
    }

    /**
     * Writes IA32_APIC_BASE: address and mode. What is reserved is the caller's to refuse.
     *
     * @return false for a change of mode that does not exist (figure 11-27); nothing has changed then
     */
    public boolean setBase(long value) {
        final boolean enable = (value & BASE_ENABLE) != 0;
        final boolean x2 = (value & BASE_X2APIC) != 0;
        if ((x2 && (!enable || !isEnabled())) || (isX2() && enable && !x2)) {
            return false;
        }
        final boolean disabled = isEnabled() && !enable;
        final boolean entersX2 = x2 && !isX2();
        base = (value & ~BASE_BSP) | (base & BASE_BSP);
        if (disabled) {
            clearRegisters();
        } else if (entersX2) {
            logicalId = x2LogicalId();
            icrHigh = 0;
        }
        publish();
        wake.run();
        bus.retry();
        return true;
    }

    /** Globally enabled, in either mode. */
    public boolean isEnabled() {
        return (base & BASE_ENABLE) != 0;
    }

    /** In x2APIC mode: registers are MSRs. */
    public boolean isX2() {
        return (base & BASE_X2APIC) != 0;
    }

    /** Guest-physical address of the register page, -1 when there is none. */
    public long pageAddress() {
        return isEnabled() && !isX2() ? base & 0xff_ffff_f000L : -1;
    }

    private int x2LogicalId() {
        return id >>> 4 << 16 | 1 << (id & 0xf);
    }

    /** The timer's deadline register and when it expires. */
    ApicTimer timer() {
        return timer;
    }

    /** Lets the timer expire; {@code tscOffset} is what the TSC is ahead of time. */
    public void tick(long nowNs, long tscOffset) {
        if (timer.expire(nowNs, tscOffset)) {
            final int entry = lvt[0];
            if ((entry & LVT_MASKED) == 0) {
                request(entry & 0xff, false);
            }
        }
    }

    /** Reads a register, see {@link ApicRegister}. ICR_LOW of x2APIC has its high half at ICR_HIGH. */
    int read(int register, long nowNs) {
        return switch (register) {
            case ID -> isX2() ? id : id << 24;
            case VERSION -> VERSION_VALUE;
            case TPR -> taskPriority;
            case PPR -> processorPriority();
            case APR, RRD, EOI, SELF_IPI -> 0;
            case LDR -> logicalId;
            case DFR -> destinationFormat << 28 | 0xfff_ffff;
            case SVR -> spurious;
            case ESR -> errorStatus;
            case ICR_LOW -> icrLow;
            case ICR_HIGH -> icrHigh;
            case INITIAL_COUNT -> (int) timer.initialCount();
            case CURRENT_COUNT -> (int) timer.currentCount(nowNs);
            case DIVIDE -> timer.divideRegister();
            default -> readArray(register);
        };
    }

    private int readArray(int register) {
        if (register >= ISR && register < TMR) {
            return inService.register(register - ISR);
        }
        if (register >= TMR && register < IRR) {
            return levelTriggered.register(register - TMR);
        }
        if (register >= IRR && register < ESR) {
            return requested.register(register - IRR);
        }
        if (register >= LVT_TIMER && register <= LVT_ERROR) {
            return lvt[register - LVT_TIMER];
        }
        raise(ERROR_ILLEGAL_REGISTER);
        return 0;
    }

    /** Writes a register; those that cannot be written are left alone. */
    void write(int register, int value, long nowNs) {
        switch (register) {
            case TPR -> setTaskPriority(value);
            case EOI -> endOfInterrupt();
            case LDR -> {
                logicalId = value & 0xff00_0000;
                bus.retry();
            }
            case DFR -> {
                destinationFormat = value >>> 28;
                bus.retry();
            }
            case SVR -> setSpurious(value);
            case ESR -> errorStatus = errors.getAndSet(0);
            case ICR_LOW -> sendIpi(value);
            case ICR_HIGH -> icrHigh = isX2() ? value : value & 0xff00_0000;
            case INITIAL_COUNT -> timer.setInitialCount(value, nowNs);
            case DIVIDE -> timer.setDivide(value, nowNs);
            case SELF_IPI -> request(value & 0xff, false);
            case ID, VERSION, APR, PPR, RRD, CURRENT_COUNT -> {
                // Read-only.
            }
            default -> {
                if (register >= LVT_TIMER && register <= LVT_ERROR) {
                    setLocalVector(register - LVT_TIMER, value);
                } else if (register < ISR || register >= ESR) {
                    raise(ERROR_ILLEGAL_REGISTER);
                }
            }
        }
    }

    private void setSpurious(int value) {
        spurious = value & SVR_WRITABLE;
        if ((spurious & SVR_ENABLE) == 0) {
            // 11.4.7.2: while disabled by software the masks are set and stay set.
            for (int i = 0; i < LVT_COUNT; i++) {
                lvt[i] |= LVT_MASKED;
            }
        }
        publish();
        wake.run();
        bus.retry();
    }

    private void setLocalVector(int index, int value) {
        int entry = value & LVT_WRITABLE[index];
        if ((spurious & SVR_ENABLE) == 0) {
            entry |= LVT_MASKED;
        }
        lvt[index] = entry;
        if (index == 0) {
            timer.setMode((entry >> 17) & 3);
        }
        publish();
        wake.run();
    }

    /** 11.8.5. */
    private void endOfInterrupt() {
        final int vector = inService.highest();
        if (vector < 0) {
            return;
        }
        inService.remove(vector);
        if (levelTriggered.contains(vector) && (spurious & SVR_SUPPRESS_BROADCAST) == 0) {
            bus.endOfInterrupt(vector);
        }
        if (requested.highest() >= 0) {
            wake.run();
        }
    }

    /** 11.6.1: writing the low half of the ICR sends. */
    private void sendIpi(int value) {
        icrLow = value & ICR_WRITABLE;
        final int vector = value & 0xff;
        final int mode = (value >> 8) & 7;
        final boolean level = (value & 0x8000) != 0;
        if (mode <= ApicBus.LOWEST_PRIORITY && vector < LOWEST_VECTOR) {
            raise(ERROR_SEND_ILLEGAL_VECTOR);
            return;
        }
        if (mode == ApicBus.INIT && level && (value & 0x4000) == 0) {
            // INIT level de-assert, which processors since the Pentium 4 ignore.
            return;
        }
        // An IPI is edge-triggered whatever the trigger bit says (table 11-3).
        switch ((value >> 18) & 3) {
            case 0 -> sendTo((value & 0x800) != 0, mode, vector);
            case 1 -> receive(mode, vector, false);
            case 2 -> bus.sendToAll(this, true, mode, vector, false);
            default -> bus.sendToAll(this, false, mode, vector, false);
        }
    }

    private void sendTo(boolean logical, int mode, int vector) {
        if (isX2()) {
            bus.sendWide(mode, vector, false, icrHigh, logical);
        } else {
            bus.send(mode, vector, false, icrHigh >>> 24, logical);
        }
    }

    // ---- the state segment: while no vCPU runs and no interrupt comes in ----

    /** Saves or loads, as {@link ControllerLayout#LOCAL_APIC_V1} says. */
    public void transfer(StateCursor state, long nowNs) {
        requested.transfer(state, "IRR");
        inService.transfer(state, "ISR");
        levelTriggered.transfer(state, "TMR");
        base = state.u64(base, VcpuInterrupts.BASE_WRITABLE, "IA32_APIC_BASE");
        state.require(((base & BASE_BSP) != 0) == (id == 0), "the boot processor's flag");
        state.require(isEnabled() || !isX2(), "x2APIC mode without an APIC");
        logicalId = state.u32(logicalId, isX2() ? -1 : 0xff00_0000, "LDR");
        state.require(!isX2() || logicalId == x2LogicalId(), "LDR of x2APIC mode");
        destinationFormat = state.u32(destinationFormat, 0xf, "DFR");
        taskPriority = state.u32(taskPriority, 0xff, "TPR");
        spurious = state.u32(spurious, SVR_WRITABLE, "SVR");
        errorStatus = state.u32(errorStatus, ERRORS, "ESR");
        errors.set(state.u32(errors.get(), ERRORS, "errors"));
        icrLow = state.u32(icrLow, ICR_WRITABLE, "ICR");
        icrHigh = state.u32(icrHigh, isX2() ? -1 : 0xff00_0000, "ICR");
        for (int i = 0; i < LVT_COUNT; i++) {
            lvt[i] = state.u32(lvt[i], LVT_WRITABLE[i], "LVT");
            state.require((spurious & SVR_ENABLE) != 0 || (lvt[i] & LVT_MASKED) != 0, "LVT of a disabled APIC");
        }
        startup.set(state.u32(startup.get(), STARTUP_INIT | STARTUP_SIPI | 0xff, "start-up messages"));
        nmi = state.flag(nmi);
        timer.transfer(state, (lvt[0] >> 17) & 3, nowNs);
        if (state.loads()) {
            publish();
        }
    }
}
