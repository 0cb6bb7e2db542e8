package io.jvmm.supervisor.demo;

import static io.jvmm.supervisor.demo.Condition.BELOW;
import static io.jvmm.supervisor.demo.Condition.EQUAL;
import static io.jvmm.supervisor.demo.Condition.NOT_EQUAL;
import static io.jvmm.supervisor.demo.Condition.NOT_ZERO;
import static io.jvmm.supervisor.demo.Condition.ZERO;
import static io.jvmm.supervisor.demo.Mem.at;
import static io.jvmm.supervisor.demo.Register.*;

import io.jvmm.supervisor.demo.Assembler.Alu;

/**
 * The guest's drivers of the rest of the board: 8259A interrupt controllers, MC146818 real-time clock, ACPI power
 * management (ACPI 6.5 §4.8.3), i8042.
 */
final class GuestPlatform {
    /** Vector of IRQ 0; IRQ 8 follows eight later. */
    static final int FIRST_VECTOR = 0x20;

    static final int RTC_IRQ = 8;
    static final int SCI_IRQ = 9;
    static final int PM1_STATUS = 0x600;
    static final int PM1_ENABLE = 0x602;
    static final int PM1_CONTROL = 0x604;
    static final int PM_TIMER = 0x608;
    static final int POWER_BUTTON = 0x100;
    private static final int SCI_ENABLE = 1;
    private static final int SLEEP_ENABLE = 1 << 13;

    private static final int PIC1 = 0x20;
    private static final int PIC2 = 0xa0;
    private static final int EDGE_LEVEL_2 = 0x4d1;
    private static final int END_OF_INTERRUPT = 0x20;
    /** IRQ 2 (the second controller), 3 and 4 (serial ports). */
    private static final int MASK_1 = 0xff & ~(1 << 2 | 1 << 3 | 1 << 4);
    /** IRQ 8 (clock) and 9 (SCI). */
    private static final int MASK_2 = 0xff & ~(1 | 1 << 1);

    private static final int RTC_INDEX = 0x70;
    private static final int RTC_DATA = 0x71;
    private static final int RTC_A = 0x0a;
    private static final int RTC_B = 0x0b;
    private static final int RTC_C = 0x0c;
    static final int RTC_CENTURY = 0x32;
    private static final int RTC_UPDATING = 0x80;
    private static final int RTC_PERIODIC = 0x40;
    private static final int RTC_UPDATE_ENDED = 0x10;
    private static final int RTC_BINARY = 0x04;
    /** 32.768 kHz time base, 64 Hz periodic rate. */
    private static final int RTC_A_64_HZ = 0x2a;

    static final int PERIODIC_HZ = 64;

    private static final int I8042 = 0x64;
    private static final int I8042_BUSY = 2;
    private static final int PULSE_RESET = 0xfe;
    private static final int PATIENCE = 100_000;

    final Label initialise = new Label("initialisePlatform");
    final Label irq8 = new Label("irq8");
    final Label irq9 = new Label("irq9");
    /** EAX = clock register AL. Changes nothing else. */
    final Label readClock = new Label("readClock");
    /** Writes AH to clock register AL. */
    final Label writeClock = new Label("writeClock");
    /** Reads seconds, minutes, hours, day, month, year, century into {@link #clock}, as binary numbers. */
    final Label readTime = new Label("readTime");
    /** RAX = periodic interrupts between two ends of an update cycle. */
    final Label countTicks = new Label("countTicks");
    /** Enters S5 with sleep type CL. Returns where that does nothing. */
    final Label powerOff = new Label("powerOff");
    /** Resets through the keyboard controller. Returns where that does nothing. */
    final Label reset = new Label("reset");

    final Label clock = new Label("clock");
    final Label buttonPresses = new Label("buttonPresses");
    static final int CLOCK_REGISTERS = 7;

    private final Label clockOrder = new Label("clockOrder");
    private final Label clockAgain = new Label("clockAgain");
    private final Label rtcTicks = new Label("rtcTicks");
    private final Label rtcUpdates = new Label("rtcUpdates");
    private final Label waitForUpdate = new Label("waitForUpdate");
    private final Label readFields = new Label("readFields");
    private final Assembler a;

    GuestPlatform(Assembler a) {
        this.a = a;
    }

    /** Tells the controllers that the interrupt is over; changes AL. */
    static void endOfInterrupt(Assembler a, boolean second) {
        a.mov(AL, END_OF_INTERRUPT);
        if (second) {
            a.outAl(PIC2);
        }
        a.outAl(PIC1);
    }

    void emitCode() {
        emitInitialise();
        emitClockAccess();
        emitReadTime();
        emitCountTicks();
        emitClockInterrupt();
        emitSystemControlInterrupt();
        emitPowerOff();
        emitReset();
    }

    void emitData() {
        a.bind(clockOrder);
        for (int register : new int[] {0x00, 0x02, 0x04, 0x07, 0x08, 0x09, RTC_CENTURY}) {
            a.db(register);
        }
    }

    void emitZeroedData() {
        a.align(8);
        for (Label word : new Label[] {rtcTicks, rtcUpdates, buttonPresses}) {
            a.bind(word);
            a.dq(0);
        }
        a.bind(clock);
        a.reserve(8);
        a.bind(clockAgain);
        a.reserve(8);
    }

    private void out(int port, int value) {
        a.mov(AL, value);
        a.outAl(port);
    }

    private void out16(int port, int value) {
        a.mov(EDX, port);
        a.mov(EAX, value);
        a.outDxAx();
    }

    /** 8259A: ICW1 to ICW4, then the masks; IRQ 9 is a level. */
    private void emitInitialise() {
        a.bind(initialise);
        out(PIC1, 0x11);
        out(PIC2, 0x11);
        out(PIC1 + 1, FIRST_VECTOR);
        out(PIC2 + 1, FIRST_VECTOR + 8);
        out(PIC1 + 1, 1 << 2);
        out(PIC2 + 1, 2);
        out(PIC1 + 1, 1);
        out(PIC2 + 1, 1);
        out(PIC1 + 1, MASK_1);
        out(PIC2 + 1, MASK_2);
        a.mov(EDX, EDGE_LEVEL_2);
        a.mov(AL, 1 << (SCI_IRQ - 8));
        a.outDxAl();
        out16(PM1_STATUS, 0xffff);
        out16(PM1_ENABLE, POWER_BUTTON);
        out16(PM1_CONTROL, SCI_ENABLE);
        a.mov(EAX, RTC_C);
        a.call(readClock);
        a.ret();
    }

    /** Index and data port are two accesses: no interrupt between them. The caller runs with interrupts on. */
    private void emitClockAccess() {
        a.bind(readClock);
        a.cli();
        a.outAl(RTC_INDEX);
        a.inAl(RTC_DATA);
        a.sti();
        a.movzx(EAX, AL);
        a.ret();

        a.bind(writeClock);
        a.cli();
        a.outAl(RTC_INDEX);
        a.shr(EAX, 8);
        a.outAl(RTC_DATA);
        a.sti();
        a.ret();
    }

    /** The classic way: wait until no update is in progress, read twice, believe two equal readings. */
    private void emitReadTime() {
        Label binary = new Label("binary");
        Label done = new Label("done");
        a.bind(readTime);
        a.lea(RDI, at(clock));
        a.call(readFields);
        a.lea(RDI, at(clockAgain));
        a.call(readFields);
        a.mov(RAX, at(clock));
        a.cmp(RAX, at(clockAgain));
        a.jump(NOT_EQUAL, readTime);
        a.mov(EAX, RTC_B);
        a.call(readClock);
        a.test(AL, RTC_BINARY);
        a.jump(NOT_ZERO, done);
        a.lea(RDI, at(clock));
        a.mov(ECX, CLOCK_REGISTERS);
        a.bind(binary);
        // Binary-coded decimal: the high digit counts ten, not sixteen.
        a.movzx(EAX, at(RDI).asByte());
        a.mov(EDX, EAX);
        a.shr(EDX, 4);
        a.lea(RDX, at(RDX, RDX, 2, 0));
        a.add(EDX, EDX);
        a.sub(EAX, EDX);
        a.mov(at(RDI), AL);
        a.inc(RDI);
        a.dec(ECX);
        a.jump(NOT_ZERO, binary);
        a.bind(done);
        a.ret();

        a.bind(readFields);
        a.mov(ECX, PATIENCE);
        Label busy = a.here("busy");
        Label free = new Label("free");
        a.mov(EAX, RTC_A);
        a.call(readClock);
        a.test(AL, RTC_UPDATING);
        a.jump(ZERO, free);
        a.dec(ECX);
        a.jump(NOT_ZERO, busy);
        a.bind(free);
        a.lea(RDX, at(clockOrder));
        a.zero(ECX);
        Label next = a.here("next");
        a.movzx(EAX, at(RDX, RCX, 1, 0).asByte());
        a.call(readClock);
        a.mov(at(RDI, RCX, 1, 0), AL);
        a.inc(ECX);
        a.cmp(ECX, CLOCK_REGISTERS);
        a.jump(BELOW, next);
        a.ret();
    }

    private void emitCountTicks() {
        a.bind(countTicks);
        setClock(RTC_A, RTC_A_64_HZ);
        a.mov(EAX, RTC_B);
        a.call(readClock);
        a.push(RAX);
        a.or(EAX, RTC_PERIODIC | RTC_UPDATE_ENDED);
        a.shl(EAX, 8);
        a.or(EAX, RTC_B);
        a.call(writeClock);
        a.call(waitForUpdate);
        a.push(RAX);
        a.call(waitForUpdate);
        a.pop(RDX);
        a.sub(RAX, RDX);
        a.pop(RDX);
        a.push(RAX);
        a.shl(EDX, 8);
        a.mov(EAX, EDX);
        a.or(EAX, RTC_B);
        a.call(writeClock);
        a.pop(RAX);
        a.ret();

        // RAX = ticks so far, at the next end of an update. An update flag that was already up when its interrupt was
        // enabled counts for nothing: the seconds must have moved on.
        Label wait = new Label("wait");
        Label over = new Label("over");
        a.bind(waitForUpdate);
        a.zero(EAX);
        a.call(readClock);
        a.mov(ECX, EAX);
        Label stale = a.here("stale");
        a.mov(RDX, at(rtcUpdates));
        a.bind(wait);
        a.cli();
        a.mov(RSI, at(rtcTicks));
        a.cmp(RDX, at(rtcUpdates));
        a.jump(NOT_EQUAL, over);
        a.sti();
        a.hlt();
        a.jmp(wait);
        a.bind(over);
        a.zero(EAX);
        a.call(readClock);
        a.cmp(EAX, ECX);
        a.jump(EQUAL, stale);
        a.mov(RAX, RSI);
        a.ret();
    }

    private void setClock(int register, int value) {
        a.mov(EAX, value << 8 | register);
        a.call(writeClock);
    }

    private void emitClockInterrupt() {
        Label notPeriodic = new Label("notPeriodic");
        Label done = new Label("done");
        a.bind(irq8);
        a.push(RAX);
        a.mov(AL, RTC_C);
        a.outAl(RTC_INDEX);
        a.inAl(RTC_DATA);
        a.test(AL, RTC_PERIODIC);
        a.jump(ZERO, notPeriodic);
        a.inc(at(rtcTicks).asQword());
        a.bind(notPeriodic);
        a.test(AL, RTC_UPDATE_ENDED);
        a.jump(ZERO, done);
        a.inc(at(rtcUpdates).asQword());
        a.bind(done);
        endOfInterrupt(a, true);
        a.pop(RAX);
        a.iretq();
    }

    private void emitSystemControlInterrupt() {
        Label done = new Label("done");
        a.bind(irq9);
        a.push(RAX);
        a.push(RDX);
        a.mov(EDX, PM1_STATUS);
        a.inAxDx();
        a.test(EAX, POWER_BUTTON);
        a.jump(ZERO, done);
        a.mov(EAX, POWER_BUTTON);
        a.outDxAx();
        a.inc(at(buttonPresses).asQword());
        a.bind(done);
        endOfInterrupt(a, true);
        a.pop(RDX);
        a.pop(RAX);
        a.iretq();
    }

    private void emitPowerOff() {
        a.bind(powerOff);
        a.movzx(EAX, CL);
        a.shl(EAX, 10);
        a.or(EAX, SLEEP_ENABLE | SCI_ENABLE);
        a.mov(EDX, PM1_CONTROL);
        a.outDxAx();
        a.call(pauseAMoment);
        a.ret();
    }

    private final Label pauseAMoment = new Label("pauseAMoment");

    private void emitReset() {
        a.bind(reset);
        a.mov(ECX, PATIENCE);
        Label busy = a.here("busy");
        Label free = new Label("free");
        a.inAl(I8042);
        a.test(AL, I8042_BUSY);
        a.jump(EQUAL, free);
        a.dec(ECX);
        a.jump(NOT_ZERO, busy);
        a.bind(free);
        out(I8042, PULSE_RESET);

        // The write is posted, like every write to a device: what it does comes a little later.
        a.bind(pauseAMoment);
        a.mov(ECX, PATIENCE);
        Label pause = a.here("pause");
        a.pause();
        a.alu(Alu.SUB, ECX, 1);
        a.jump(NOT_ZERO, pause);
        a.ret();
    }
}
