package io.jvmm.vcpu.x86.cpu;

import io.jvmm.vcpu.x86.mmu.DeviceExit;
import io.jvmm.vcpu.x86.mmu.GuestException;
import io.jvmm.vcpu.x86.mmu.Vector;

/**
 * Exceptions and interrupts: through the IDT or the real-mode table to their handler (SDM 3A chapter 6). {@code
 * cpu.rip} is where the handler is to return to: the faulting instruction for faults, the next one for traps and
 * interrupts. Faults met while delivering become what table 6-5 says; a triple fault sets {@code cpu.shutdown}.
 *
 * <p>A stack in device memory makes a delivery end in a {@link DeviceExit}. An exception is then raised again by its
 * instruction; an interrupt, which was acknowledged already, is kept in {@code cpu.undelivered}.
 */
public final class Delivery {
    /** Where an event comes from: decides about EXT, the gate's DPL and RF. */
    enum Source {
        /** The processor's own exception. */
        EXCEPTION,
        /** INT n, INT3, INTO: the gate's DPL counts. */
        SOFTWARE,
        /** INT1: like a hardware event, but a trap. */
        INT1,
        /** INTR or NMI. */
        EXTERNAL
    }

    /** Vectors 0, 10..13 (SDM 3A table 6-4). */
    private static final int CONTRIBUTORY =
            1 << Vector.DE | 1 << Vector.TS | 1 << Vector.NP | 1 << Vector.SS | 1 << Vector.GP;
    /** Faults proper: they push RFLAGS with RF set (SDM 3B 18.3.1.1); #DB does not. */
    private static final int FAULTS = CONTRIBUTORY
            | 1 << Vector.BR
            | 1 << Vector.UD
            | 1 << Vector.NM
            | 1 << Vector.PF
            | 1 << Vector.MF
            | 1 << Vector.AC
            | 1 << Vector.XM;

    private static final int ENTERED = -1;

    private Delivery() {}

    /** An exception; {@code cpu.rip} is at the instruction. */
    public static void exception(Cpu cpu, GuestException exception) {
        deliver(cpu, exception.vector(), exception.errorCode(), Source.EXCEPTION);
    }

    /** A trap-class exception without error code, between two instructions. */
    static void trap(Cpu cpu, int vector) {
        deliver(cpu, vector, GuestException.NO_ERROR_CODE, Source.EXCEPTION);
    }

    /**
     * Between two instructions: takes an NMI or, when RFLAGS.IF allows it, an external interrupt; wakes a halted
     * processor. Not to be called while {@code cpu.interruptShadow}.
     *
     * @return whether something was delivered
     */
    public static boolean takePending(Cpu cpu) {
        final int vector;
        if (cpu.undelivered >= 0) {
            vector = cpu.undelivered;
            cpu.undelivered = -1;
        } else if (!cpu.nmiBlocked && cpu.interrupts.takeNmi()) {
            vector = Vector.NMI;
            cpu.nmiBlocked = true;
        } else if ((cpu.otherFlags & Flags.IF) != 0 && cpu.interrupts.isInterruptPending()) {
            vector = cpu.interrupts.acknowledge();
            if (vector < 0) {
                return false;
            }
        } else {
            return false;
        }
        cpu.halted = false;
        try {
            deliver(cpu, vector, GuestException.NO_ERROR_CODE, Source.EXTERNAL);
        } catch (DeviceExit exit) {
            cpu.undelivered = vector;
            throw exit;
        }
        return true;
    }

    /**
     * INT3 and INTO: a trap whose handler returns to {@code nextRip}. Throws the exception of a handler that cannot be
     * reached.
     */
    public static void software(Cpu cpu, int vector, long nextRip) {
        enter(cpu, vector, GuestException.NO_ERROR_CODE, Source.SOFTWARE, nextRip);
    }

    /** INT n: in virtual-8086 mode IOPL decides, also for vectors 3 and 4 (SDM 3B 21.3.3). */
    public static void interruptInstruction(Cpu cpu, int vector, long nextRip) {
        if (cpu.isVirtual86() && cpu.iopl() < 3) {
            throw cpu.protection();
        }
        enter(cpu, vector, GuestException.NO_ERROR_CODE, Source.SOFTWARE, nextRip);
    }

    /** INT1 (ICEBP): #DB as a trap; the DPL of the gate does not count. */
    public static void int1(Cpu cpu, long nextRip) {
        cpu.externalEvent = 1;
        try {
            enter(cpu, Vector.DB, GuestException.NO_ERROR_CODE, Source.INT1, nextRip);
        } finally {
            cpu.externalEvent = 0;
        }
    }

    private static void deliver(Cpu cpu, int firstVector, int firstCode, Source firstSource) {
        int vector = firstVector;
        int code = firstCode;
        Source source = firstSource;
        cpu.interruptShadow = false;
        while (!cpu.shutdown) {
            final int second = attempt(cpu, vector, code, source);
            if (second == ENTERED) {
                return;
            }
            if (source == Source.EXCEPTION && vector == Vector.DF && (isContributory(second) || second == Vector.PF)) {
                cpu.shutdown = true;
            } else if (source == Source.EXCEPTION && isDouble(vector, second)) {
                vector = Vector.DF;
                code = 0;
            } else {
                vector = second;
                code = cpu.exception.errorCode();
            }
            source = Source.EXCEPTION;
        }
    }

    /** Returns {@link #ENTERED}, or the vector of the exception met, which is in {@code cpu.exception}. */
    private static int attempt(Cpu cpu, int vector, int code, Source source) {
        cpu.externalEvent = 1;
        if (source == Source.EXCEPTION && vector == Vector.PF) {
            cpu.cr2 = cpu.mmu.faultAddress();
        }
        if (vector == Vector.DB) {
            Debugging.entering(cpu);
        }
        try {
            enter(cpu, vector, code, source, cpu.rip);
            return ENTERED;
        } catch (GuestException second) {
            return second.vector();
        } finally {
            cpu.externalEvent = 0;
        }
    }

    private static boolean isContributory(int vector) {
        return vector < 32 && (CONTRIBUTORY >>> vector & 1) != 0;
    }

    /** SDM 3A table 6-5. */
    private static boolean isDouble(int first, int second) {
        return isContributory(first)
                ? isContributory(second)
                : first == Vector.PF && (isContributory(second) || second == Vector.PF);
    }

    private static void enter(Cpu cpu, int vector, int code, Source source, long returnRip) {
        int flags = cpu.flags();
        if (source == Source.EXCEPTION && (FAULTS >>> vector & 1) != 0) {
            flags |= Flags.RF;
        } else if (source == Source.SOFTWARE || source == Source.INT1) {
            flags &= ~Flags.RF;
        }
        if (!cpu.isProtected()) {
            RealGates.enter(cpu, vector, flags, returnRip);
        } else if (cpu.isLongMode()) {
            LongGates.enter(cpu, vector, code, source, flags, returnRip);
        } else {
            ProtectedGates.enter(cpu, vector, code, source, flags, returnRip);
        }
        // The handler's first instruction is not reported as a step of what it interrupts.
        cpu.stepFlags &= ~Flags.TF;
    }

    /** The error code of a fault about the gate itself: its vector, and the IDT bit. */
    static GuestException gateFault(Cpu cpu, int exception, int vector) {
        return cpu.exception.of(exception, vector << 3 | 2 | cpu.externalEvent);
    }

    /** RFLAGS for the handler: TF, NT, RF and VM off, IF off behind an interrupt gate. */
    static void clearFlags(Cpu cpu, boolean interruptGate) {
        cpu.otherFlags &= ~(Flags.TF | Flags.NT | Flags.RF | Flags.VM | (interruptGate ? Flags.IF : 0));
    }
}
