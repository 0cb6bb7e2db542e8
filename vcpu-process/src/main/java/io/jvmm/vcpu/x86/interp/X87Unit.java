package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.fpu.Extended;
import io.jvmm.vcpu.x86.fpu.X87;

/**
 * The register stack as x87 instructions use it: empty registers, pushes and pops, exceptions masked and unmasked (SDM 1 8.1, 8.4,
 * 8.5). Static, on the vCPU's {@link X87} and its {@link Extended}.
 */
final class X87Unit {
    static final int STACK_FAULT = 0x40;
    static final int C0 = 0x100;
    static final int C1 = 0x200;
    static final int C2 = 0x400;
    static final int C3 = 0x4000;
    static final int CONDITIONS = C0 | C1 | C2 | C3;

    /** Exceptions found before anything is computed: unmasked, they leave operands and stack as they are. */
    private static final int BEFORE = Extended.INVALID | Extended.DENORMAL | Extended.ZERO_DIVIDE;

    private X87Unit() {}

    /** What every waiting instruction begins with. */
    static Extended begin(Cpu cpu) {
        final Extended x = beginKeepingC1(cpu);
        cpu.x87.statusWord &= ~C1;
        return x;
    }

    /** What FCMOV and FCOMI begin with, which clear C1 for a stack fault only. */
    static Extended beginKeepingC1(Cpu cpu) {
        X87ControlSteps.checkPending(cpu);
        final Extended x = cpu.x87.arithmetic;
        x.begin(cpu.x87.controlWord);
        return x;
    }

    /** Physical number of ST(i). */
    static int register(X87 x87, int i) {
        return (x87.top + i) & 7;
    }

    static boolean isEmpty(X87 x87, int register) {
        return (x87.tagWord >> (2 * register) & 3) == X87.TAG_EMPTY;
    }

    static int signExponent(X87 x87, int i) {
        return x87.signExponent[register(x87, i)];
    }

    static long significand(X87 x87, int i) {
        return x87.significand[register(x87, i)];
    }

    /** Notes exceptions in the status word. */
    static void raise(Cpu cpu, int flags) {
        cpu.x87.statusWord |= flags;
        cpu.x87.updateSummary();
        if (cpu.x87.isErrorPending()) {
            cpu.x87.instructionPointer = cpu.blockRip;
        }
    }

    /**
     * An operand that is not there: invalid operation with a stack fault, C1 clear.
     *
     * @return whether the masked response, a default NaN for a result, is to be given
     */
    static boolean underflow(Cpu cpu, Extended x) {
        cpu.x87.statusWord &= ~C1;
        raise(cpu, Extended.INVALID | STACK_FAULT);
        x.set(0xffff, 0xc000_0000_0000_0000L);
        return (cpu.x87.controlWord & Extended.INVALID) != 0;
    }

    /** Room for a push is missing: the same with C1 set. */
    static boolean overflow(Cpu cpu, Extended x) {
        raise(cpu, Extended.INVALID | STACK_FAULT);
        cpu.x87.statusWord |= C1;
        x.set(0xffff, 0xc000_0000_0000_0000L);
        return (cpu.x87.controlWord & Extended.INVALID) != 0;
    }

    /** Takes over the exceptions of a computation; false when an unmasked one forbids the result. */
    static boolean settle(Cpu cpu, Extended x) {
        final int unmasked = x.flags & ~cpu.x87.controlWord;
        final boolean done = (unmasked & BEFORE) == 0;
        raise(cpu, done ? x.flags : x.flags & BEFORE);
        if (done && x.roundedUp && (x.flags & Extended.PRECISION) != 0) {
            cpu.x87.statusWord |= C1;
        }
        return done;
    }

    /** Puts the result into a physical register. */
    static void put(X87 x87, int register, Extended x) {
        put(x87, register, x.signExponent, x.significand);
    }

    static void put(X87 x87, int register, int signExponent, long significand) {
        x87.signExponent[register] = signExponent & 0xffff;
        x87.significand[register] = significand;
        x87.tagWord = (x87.tagWord & ~(3 << (2 * register))) | x87.tagOf(register) << (2 * register);
    }

    static boolean hasRoom(X87 x87) {
        return isEmpty(x87, (x87.top - 1) & 7);
    }

    /** Pushes the result; false where there was no room for it. */
    static boolean push(Cpu cpu, Extended x) {
        final boolean room = hasRoom(cpu.x87);
        if (room || overflow(cpu, x)) {
            pushAnyway(cpu.x87, x);
        }
        return room;
    }

    /** Pushes the answer to a stack fault, over whatever is there. */
    static void pushAnyway(X87 x87, Extended x) {
        x87.top = (x87.top - 1) & 7;
        put(x87, x87.top, x);
    }

    static void pop(X87 x87) {
        x87.tagWord |= X87.TAG_EMPTY << (2 * x87.top);
        x87.top = (x87.top + 1) & 7;
    }
}
