package io.jvmm.vcpu.x86.cpu;

import static io.jvmm.vcpu.x86.interp.LongModeTables.CODE;
import static io.jvmm.vcpu.x86.interp.LongModeTables.HOLE;
import static io.jvmm.vcpu.x86.interp.LongModeTables.vectorAt;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.jvmm.vcpu.x86.interp.Executor;
import io.jvmm.vcpu.x86.interp.SystemRig;
import io.jvmm.vcpu.x86.mmu.Vector;
import io.jvmm.vcpu.x86.translate.ImmediateTranslation;
import io.jvmm.vcpu.x86.translate.TranslatorOptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * #AC (SDM 3A 6.15, 7.9.1) in ring 3 with CR0.AM and RFLAGS.AC. What a processor does was asked of an AMD EPYC by a program that sets
 * RFLAGS.AC under Linux.
 */
class AlignmentCheckTest {
    private static final int DATA = 0x9000;

    private final ImmediateTranslation translation = new ImmediateTranslation(TranslatorOptions.DEFAULT);
    private final SystemRig machine = new SystemRig(translation);
    private final Cpu cpu = machine.cpu;

    @BeforeEach
    void user() {
        machine.longMode().user();
        cpu.cr4 |= ControlRegisters.CR4_OSFXSR;
        ControlRegisters.write(cpu, 0, cpu.cr0 | ControlRegisters.CR0_AM);
        cpu.setFlags(Flags.AC, Flags.AC);
    }

    /** Runs the instruction with RAX = {@code address}; the vector that its exception raised, -1 for none. */
    private int vectorOf(String hex, long address) {
        // hlt, which in ring 3 is #GP
        machine.code(CODE, hex + "f4");
        cpu.r[Cpu.RAX] = address;
        cpu.r[Cpu.RDI] = address;
        cpu.r[Cpu.RSI] = DATA + 0x100;
        cpu.r[Cpu.RCX] = 3;
        assertEquals(Executor.Stop.HALTED, machine.executor.run(100));
        final int vector = vectorAt(cpu.rip);
        final boolean ended = vector == Vector.GP
                && machine.get64(cpu.r[Cpu.RSP] + 8)
                        == CODE + hex.replace(" ", "").length() / 2;
        return ended ? -1 : vector;
    }

    @ParameterizedTest
    @CsvSource({
        "mov cx [rax],          66 8b 08,          1, 17",
        "mov ecx [rax],         8b 08,             2, 17",
        "mov ecx [rax],         8b 08,             4, -1",
        "mov rcx [rax],         48 8b 08,          4, 17",
        "mov rcx [rax],         48 8b 08,          8, -1",
        "mov [rax] rcx,         48 89 08,          4, 17",
        "movdqu xmm0 [rax],     f3 0f 6f 00,       8, 17",
        "movdqu xmm0 [rax],     f3 0f 6f 00,      16, -1",
        "movups [rax] xmm0,     0f 11 00,          8, 17",
        "movaps xmm0 [rax],     0f 28 00,          8, 13",
        "movsd xmm0 [rax],      f2 0f 10 00,       4, 17",
        "movss xmm0 [rax],      f3 0f 10 00,       2, 17",
        "movhps [rax] xmm0,     0f 17 00,          4, 17",
        "pmovsxbw xmm0 [rax],   66 0f 38 20 00,    4, 17",
        "fld tbyte [rax],       db 28,             8, -1",
        "fld tbyte [rax],       db 28,             4, 17",
        "fld qword [rax],       dd 00,             4, 17",
        "fnstenv [rax],         d9 30,             2, 17",
        "fnstenv [rax],         d9 30,             4, -1",
        "fnsave [rax],          dd 30,             4, -1",
        "fnsave [rax],          dd 30,             2, 17",
        "bt [rax] edx,          0f a3 10,          2, 17",
        "lock xadd [rax] rcx,   f0 48 0f c1 08,    4, 17",
        "lock xadd [rax] rcx,   f0 48 0f c1 08,    8, -1",
        "lock add [rax] ecx,    f0 01 08,         63, 17",
        "cmpxchg8b [rax],       0f c7 08,          4, 17",
        "rep stosq,             f3 48 ab,          4, 17",
        "rep movsq,             f3 48 a5,          4, 17",
        "rep movsb,             f3 a4,             3, -1",
        "stmxcsr [rax],         0f ae 18,          2, 17",
        "movnti [rax] rcx,      48 0f c3 08,       4, 17",
        "maskmovdqu xmm0 xmm0,  66 0f f7 c0,       3, 17",
    })
    void asOnARealProcessor(String name, String hex, int offset, int vector) {
        assertEquals(vector, vectorOf(hex, DATA + offset), name);
        for (int i = 0; i < 3; i++) {
            user();
            assertEquals(vector, vectorOf(hex, DATA + offset), () -> name + ", translated");
        }
        assertFalse(translation.toString().startsWith("0 regions"), translation::toString);
    }

    @Test
    void beforeAPageFaultAndBehindABadAddress() {
        assertEquals(Vector.AC, vectorOf("8b 08", HOLE + 1));
        assertEquals(0, machine.get64(cpu.r[Cpu.RSP]), "error code");
        // mov [rax],ecx; add [rax],ecx; inc qword [rax]
        assertEquals(Vector.AC, vectorOf("89 08", HOLE + 1));
        assertEquals(Vector.AC, vectorOf("01 08", HOLE + 1));
        assertEquals(Vector.AC, vectorOf("48 ff 00", HOLE + 4));
        assertEquals(Vector.AC, vectorOf("66 ff 00", HOLE + 1));
    }

    @Test
    void anAddressThatIsNotCanonicalComesFirst() {
        assertEquals(Vector.GP, vectorOf("8b 08", 0x8000_0000_0000_0001L));
        assertEquals(CODE, machine.get64(cpu.r[Cpu.RSP] + 8));
    }

    @Test
    void theStackToo() {
        cpu.r[Cpu.RSP] = DATA + 4;
        assertEquals(Vector.AC, vectorOf("50", DATA));
    }

    @Test
    void notWithoutTheMask() {
        ControlRegisters.write(cpu, 0, cpu.cr0 & ~ControlRegisters.CR0_AM);
        assertEquals(-1, vectorOf("8b 08", DATA + 1));
    }

    @Test
    void theProgramItselfSwitchesItOn() {
        cpu.setFlags(0, Flags.AC);
        // mov ecx,[rax]; pushf; or dword [rsp],40000; popf; mov ecx,[rax]
        assertEquals(Vector.AC, vectorOf("8b 08 9c 81 0c 24 00 00 04 00 9d 8b 08", DATA + 2));
        assertEquals(CODE + 11, machine.get64(cpu.r[Cpu.RSP] + 8));
    }

    @Test
    void notInTheKernel() {
        cpu.cpl = 0;
        machine.longMode();
        ControlRegisters.write(cpu, 0, cpu.cr0 | ControlRegisters.CR0_AM);
        cpu.setFlags(Flags.AC, Flags.AC);
        machine.code(CODE, "8b 08 f4");
        cpu.r[Cpu.RAX] = DATA + 1;
        assertEquals(Executor.Stop.HALTED, machine.executor.run(100));
        assertEquals(CODE + 3, cpu.rip);
    }
}
