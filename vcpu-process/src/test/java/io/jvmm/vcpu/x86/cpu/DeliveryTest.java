package io.jvmm.vcpu.x86.cpu;

import static io.jvmm.vcpu.x86.interp.LongModeTables.CODE;
import static io.jvmm.vcpu.x86.interp.LongModeTables.HOLE;
import static io.jvmm.vcpu.x86.interp.LongModeTables.IST1;
import static io.jvmm.vcpu.x86.interp.LongModeTables.RSP0;
import static io.jvmm.vcpu.x86.interp.LongModeTables.STACK;
import static io.jvmm.vcpu.x86.interp.LongModeTables.vectorAt;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.Allocations;
import io.jvmm.vcpu.x86.interp.LongModeTables;
import io.jvmm.vcpu.x86.interp.SystemRig;
import io.jvmm.vcpu.x86.mmu.Vector;
import org.junit.jupiter.api.Test;

/** Exceptions and interrupts in 64-bit mode, by clause of SDM 3A chapter 6. What QEMU agrees with is in ModesTest. */
class DeliveryTest {
    private static final long NOT_PRESENT = 0x0e00;
    private static final long WITH_IST1 = 0x8e01;

    private final SystemRig rig = new SystemRig();
    private final LongModeTables tables = rig.longMode();
    private final Cpu cpu = rig.cpu;

    private int vector() {
        return vectorAt(cpu.rip);
    }

    /** Word of the frame, 0 is where RSP points. */
    private long frame(int index) {
        return rig.get64(cpu.r[Cpu.RSP] + index * 8L);
    }

    @Test
    void frameOfAnExceptionWithErrorCodeFigure6_8() {
        cpu.r[Cpu.RSP] = STACK - 4;
        cpu.setFlags(Flags.IF | Flags.NT, Flags.IF | Flags.NT);
        // mov ds, [far beyond the GDT]: #GP(fff8)
        rig.code(CODE, "66 b8 f8 ff  8e d8");
        rig.step();
        rig.step();
        assertEquals(Vector.GP, vector());
        assertEquals(STACK - 16 - 48, cpu.r[Cpu.RSP], "aligned to 16 bytes before the frame is pushed (6.14.2)");
        assertEquals(0xfff8, frame(0));
        assertEquals(CODE + 4, frame(1), "RIP of the faulting instruction");
        assertEquals(LongModeTables.KERNEL_CODE, frame(2));
        assertEquals(Flags.IF | Flags.NT | Flags.RF | 2, frame(3), "with RF (3B 18.3.1.1)");
        assertEquals(STACK - 4, frame(4));
        assertEquals(LongModeTables.KERNEL_DATA, frame(5));
        assertEquals(2, cpu.flags(), "IF, TF, NT, RF cleared (6.12.1.3)");
    }

    @Test
    void toRing0TheStackComesFromTheTaskStateAndSsIsNull() {
        tables.user();
        rig.code(CODE, "0f 0b");
        rig.step();
        assertEquals(Vector.UD, vector());
        assertEquals(0, cpu.cpl);
        assertEquals(RSP0 - 40, cpu.r[Cpu.RSP]);
        assertEquals(0, cpu.segments[Segment.SS].selector, "6.14.2: SS is null, with the new CPL");
        assertEquals(LongModeTables.USER_DATA, frame(4));
        rig.code(LongModeTables.HANDLERS + Vector.UD * 16L, "48 cf");
        rig.step();
        assertEquals(CODE, cpu.rip);
        assertEquals(3, cpu.cpl);
        assertEquals(LongModeTables.USER_DATA, cpu.segments[Segment.SS].selector);
        assertEquals(STACK, cpu.r[Cpu.RSP]);
    }

    @Test
    void onTheWayToAnOuterLevelNullSelectorsBecomeZeroAndBasesStay() {
        tables.user();
        rig.code(CODE, "0f 0b");
        rig.step();
        cpu.segments[Segment.DS].set(3, 0, 0, 0);
        cpu.segments[Segment.GS].set(2, 0x1234_5678_9000L, 0, 0);
        rig.code(LongModeTables.HANDLERS + Vector.UD * 16L, "48 cf");
        rig.step();
        assertEquals(3, cpu.cpl);
        assertEquals(0, cpu.segments[Segment.DS].selector, "as Linux's sigreturn_32 self-test expects");
        assertEquals(0, cpu.segments[Segment.GS].selector);
        assertEquals(0x1234_5678_9000L, cpu.segments[Segment.GS].base);
    }

    @Test
    void interruptStackTableSwitchesEvenWithinALevel() {
        tables.gate(0x40, WITH_IST1);
        rig.code(CODE, "cd 40");
        rig.step();
        assertEquals(0x40, vector());
        assertEquals(IST1 - 40, cpu.r[Cpu.RSP]);
        assertEquals(LongModeTables.KERNEL_DATA, cpu.segments[Segment.SS].selector);
        assertEquals(CODE + 2, frame(0));
    }

    @Test
    void softwareInterruptNeedsTheGatesDpl() {
        tables.user();
        rig.code(CODE, "cd 40");
        rig.step();
        assertEquals(Vector.GP, vector());
        assertEquals(0x40 * 8 + 2, frame(0), "6.13: IDT set, EXT clear");
        assertEquals(CODE, frame(1));
        tables.gate(0x41, NOT_PRESENT | 0x6000);
        tables.user();
        cpu.rip = CODE + 2;
        rig.code(CODE + 2, "cd 41");
        rig.step();
        assertEquals(Vector.NP, vector());
        assertEquals(0x41 * 8 + 2, frame(0));
    }

    @Test
    void faultWhileDeliveringAnInterruptHasExt() {
        tables.gate(0x50, NOT_PRESENT);
        cpu.setFlags(Flags.IF, Flags.IF);
        rig.interrupts.pending = 0x50;
        assertTrue(Delivery.takePending(cpu));
        assertEquals(Vector.NP, vector());
        assertEquals(0x50 * 8 + 3, frame(0));
        assertEquals(CODE, frame(1));
    }

    @Test
    void contributoryAfterPageFaultIsDoubleFaultTable6_5() {
        tables.gate(Vector.PF, NOT_PRESENT);
        pageFault();
        assertEquals(Vector.DF, vector());
        assertEquals(0, frame(0));
        assertEquals(CODE, frame(1));
        assertEquals(HOLE, cpu.cr2);
    }

    @Test
    void pageFaultAfterPageFaultIsDoubleFault() {
        tables.gate(Vector.PF, WITH_IST1);
        rig.put64(LongModeTables.TSS + 36, HOLE + 0x1000);
        pageFault();
        assertEquals(Vector.DF, vector());
    }

    @Test
    void pageFaultAfterContributoryIsItsOwn() {
        tables.gate(Vector.GP, WITH_IST1);
        rig.put64(LongModeTables.TSS + 36, HOLE + 0x1000);
        rig.code(CODE, "66 b8 f8 ff  8e d8");
        rig.step();
        rig.step();
        assertEquals(Vector.PF, vector());
        assertEquals(2, frame(0), "a write, by the supervisor");
        assertEquals(HOLE + 0x1000 - 8, cpu.cr2);
    }

    @Test
    void benignThenContributoryIsServedInOrder() {
        tables.gate(Vector.UD, NOT_PRESENT);
        rig.code(CODE, "0f 0b");
        rig.step();
        assertEquals(Vector.NP, vector());
        assertEquals(Vector.UD * 8 + 3, frame(0));
    }

    @Test
    void faultInADoubleFaultShutsDown() {
        tables.gate(Vector.PF, NOT_PRESENT);
        tables.gate(Vector.DF, NOT_PRESENT);
        pageFault();
        assertTrue(cpu.shutdown);
        assertEquals(CODE, cpu.rip);
    }

    private void pageFault() {
        // mov al, [HOLE]
        rig.code(CODE, "8a 04 25 00 00 20 00");
        rig.step();
    }

    @Test
    void stackThatIsNotCanonicalIsStackFault() {
        cpu.r[Cpu.RSP] = 1L << 63;
        cpu.setFlags(Flags.IF, Flags.IF);
        tables.gate(Vector.SS, WITH_IST1);
        rig.interrupts.pending = 0x50;
        Delivery.takePending(cpu);
        assertEquals(Vector.SS, vector());
    }

    @Test
    void interruptsWaitForTheFlagAndWakeTheProcessor() {
        rig.code(CODE, "f4");
        rig.step();
        assertTrue(cpu.halted);
        rig.interrupts.pending = 0x60;
        assertFalse(Delivery.takePending(cpu));
        cpu.setFlags(Flags.IF, Flags.IF);
        assertTrue(Delivery.takePending(cpu));
        assertFalse(cpu.halted);
        assertEquals(0x60, vector());
        assertEquals(CODE + 1, frame(0));
        assertEquals(0, cpu.flags() & Flags.IF);
    }

    @Test
    void nmiIsBlockedUntilIret6_7_1() {
        rig.interrupts.nmi = true;
        assertTrue(Delivery.takePending(cpu));
        assertEquals(Vector.NMI, vector());
        rig.interrupts.nmi = true;
        assertFalse(Delivery.takePending(cpu));
        rig.code(cpu.rip, "48 cf");
        rig.step();
        assertEquals(CODE, cpu.rip);
        assertTrue(Delivery.takePending(cpu));
    }

    @Test
    void iretRefusesWhatItMust() {
        // iretq to a non-canonical RIP
        cpu.r[Cpu.RSP] = STACK - 40;
        final long[] words = {1L << 62, LongModeTables.KERNEL_CODE, 2, STACK, LongModeTables.KERNEL_DATA};
        for (int i = 0; i < words.length; i++) {
            rig.put64(STACK - 40 + i * 8L, words[i]);
        }
        rig.code(CODE, "48 cf");
        rig.step();
        assertEquals(Vector.GP, vector());
        assertEquals(0, frame(0));
        assertEquals(CODE, frame(1));
        assertEquals(STACK - 40, frame(4), "RSP is that of before");
    }

    @Test
    void iretWithNtIsRefusedInLongMode() {
        cpu.setFlags(Flags.NT, Flags.NT);
        rig.code(CODE, "48 cf");
        rig.step();
        assertEquals(Vector.GP, vector());
    }

    @Test
    void deliveryAndReturnAllocateNothing() {
        rig.code(CODE, "cd 40 eb fc");
        rig.code(LongModeTables.HANDLERS + 0x40 * 16L, "48 cf");
        Allocations.assertNoneIn("INT and IRET", () -> rig.executor.run(20_000));
    }

    @Test
    void iretEndsTheBlockingOfNmisEvenWhenItFaults6_7_1() {
        rig.longMode();
        rig.code(LongModeTables.CODE, "48 cf");
        cpu.nmiBlocked = true;
        // A frame with a null code selector: #GP(0).
        rig.step();
        assertEquals(Vector.GP, rig.lastVector);
        assertFalse(cpu.nmiBlocked);
    }
}
