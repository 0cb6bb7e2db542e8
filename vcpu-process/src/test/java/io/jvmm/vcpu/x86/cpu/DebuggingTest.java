package io.jvmm.vcpu.x86.cpu;

import static io.jvmm.vcpu.x86.interp.LongModeTables.CODE;
import static io.jvmm.vcpu.x86.interp.LongModeTables.HANDLERS;
import static io.jvmm.vcpu.x86.interp.LongModeTables.vectorAt;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.jvmm.vcpu.x86.interp.Executor;
import io.jvmm.vcpu.x86.interp.LongModeTables;
import io.jvmm.vcpu.x86.interp.SystemRig;
import io.jvmm.vcpu.x86.mmu.Vector;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** SDM 3B chapter 18, through the executor: the #DB handler is a HLT. */
class DebuggingTest {
    private static final int DB = HANDLERS + 16 * Vector.DB;

    private final SystemRig rig = new SystemRig();
    private final Cpu cpu = rig.cpu;

    @BeforeEach
    void longMode() {
        rig.longMode();
        // nop; nop; mov [9000], al; nop; hlt
        rig.code(CODE, "90 90 88 04 25 00 90 00 00 90 f4");
    }

    private long frame(int index) {
        return rig.get64(cpu.r[Cpu.RSP] + index * 8L);
    }

    private void toHandler() {
        assertEquals(Executor.Stop.HALTED, rig.executor.run(100));
        assertEquals(DB + 1, cpu.rip, "vector " + vectorAt(cpu.rip));
        cpu.halted = false;
    }

    private void resume() {
        rig.code(DB + 1, "48 cf");
    }

    @Test
    void singleStepTrapsBehindEachInstruction18_3_1_4() {
        cpu.setFlags(Flags.TF, Flags.TF);
        toHandler();
        assertEquals(CODE + 1, frame(0));
        assertEquals(Flags.TF | 2, frame(2), "TF, and no RF in a trap");
        assertEquals(1 << 14, cpu.dr[6] & 1 << 14);
        resume();
        toHandler();
        assertEquals(CODE + 2, frame(0));
    }

    @Test
    void executionBreakpointIsAFaultAndRfPassesIt18_3_1_1() {
        Debugging.write(cpu, 0, CODE + 1);
        Debugging.write(cpu, 7, 2);
        toHandler();
        assertEquals(CODE + 1, frame(0), "before the instruction");
        assertEquals(1, cpu.dr[6] & 0xf);
        assertEquals(2, frame(2));
        rig.put64(cpu.r[Cpu.RSP] + 16, Flags.RF | 2);
        resume();
        assertEquals(Executor.Stop.HALTED, rig.executor.run(100));
        assertEquals(CODE + 11, cpu.rip);
        assertEquals(0, cpu.flags() & Flags.RF);
    }

    @Test
    void dataBreakpointIsATrap18_3_1_2() {
        Debugging.write(cpu, 1, 0x9000);
        // G1, write, one byte
        Debugging.write(cpu, 7, 1 << 3 | 1 << 20);
        cpu.r[Cpu.RAX] = 0x5a;
        toHandler();
        assertEquals(CODE + 9, frame(0), "behind the store");
        assertEquals(0x5a, rig.get16(0x9000) & 0xff);
        assertEquals(2, cpu.dr[6] & 0xf);
    }

    @Test
    void generalDetectProtectsTheRegisters18_2_4() {
        Debugging.write(cpu, 7, 1 << 13);
        // mov rax, dr0
        rig.code(CODE, "0f 21 c0");
        toHandler();
        assertEquals(CODE, frame(0));
        assertEquals(1 << 13, cpu.dr[6] & 1 << 13);
        assertEquals(0x400, cpu.dr[7], "GD is cleared for the handler");
    }

    @Test
    void dr4IsDr6UnlessDebuggingExtensions() {
        rig.code(CODE, "0f 21 e0");
        rig.step();
        assertEquals(0xffff_0ff0L, cpu.r[Cpu.RAX]);
        cpu.rip = CODE;
        cpu.cr4 |= ControlRegisters.CR4_DE;
        rig.step();
        assertEquals(Vector.UD, vectorAt(cpu.rip));
    }

    @Test
    void loadOfSsHoldsOffTraps6_8_3() {
        // mov ss, eax; nop
        rig.code(CODE, "8e d0 90 90");
        cpu.r[Cpu.RAX] = LongModeTables.KERNEL_DATA;
        cpu.setFlags(Flags.TF, Flags.TF);
        toHandler();
        assertEquals(CODE + 3, frame(0), "the trap of MOV SS is lost, that of the next instruction is not");
    }

    @Test
    void softwareInterruptEntersItsHandlerWithoutATrap() {
        rig.code(CODE, "cd 40");
        cpu.setFlags(Flags.TF, Flags.TF);
        assertEquals(Executor.Stop.HALTED, rig.executor.run(100));
        assertEquals(0x40, vectorAt(cpu.rip));
        assertEquals(Flags.TF | 2, frame(2));
    }

    @Test
    void int1IsATrapWithoutBits() {
        rig.code(CODE, "f1");
        toHandler();
        assertEquals(CODE + 1, frame(0));
        assertEquals(0, cpu.dr[6] & 0xe00f);
    }

    @Test
    void portBreakpointIsATrapWithDebuggingExtensions18_2_4() {
        // out 0x62,al; nop
        rig.code(CODE, "e6 62 90 f4");
        Debugging.write(cpu, 2, 0x60);
        // G2, I/O, four bytes
        Debugging.write(cpu, 7, 1 << 5 | 2 << 24 | 3 << 26);
        assertEquals(Executor.Stop.HALTED, rig.executor.run(100));
        assertEquals(CODE + 4, cpu.rip, "not without CR4.DE");
        cpu.halted = false;
        cpu.rip = CODE;
        cpu.cr4 |= ControlRegisters.CR4_DE;
        toHandler();
        assertEquals(CODE + 2, frame(0));
        assertEquals(4, cpu.dr[6] & 0xf);
    }
}
