package io.jvmm.vcpu.x86.cpu;

import static io.jvmm.vcpu.x86.interp.LongModeTables.CODE;
import static io.jvmm.vcpu.x86.interp.LongModeTables.vectorAt;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.vcpu.x86.interp.SystemRig;
import io.jvmm.vcpu.x86.mmu.GuestException;
import io.jvmm.vcpu.x86.mmu.Vector;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/** Control registers, MSRs and CPUID: what they take, what they refuse, what follows. */
class SystemRegistersTest {
    private final SystemRig rig = new SystemRig();
    private final Cpu cpu = rig.cpu;

    private void refused(Runnable write) {
        final GuestException e = assertThrows(GuestException.class, write::run);
        assertEquals(Vector.GP, e.vector());
        assertEquals(0, e.errorCode());
    }

    @Test
    void resetStateTable10_1() {
        assertEquals(0x6000_0010L, cpu.cr0);
        assertEquals(2, cpu.flags());
        assertEquals(0xfff0, cpu.rip);
        assertEquals(0xffff_0000L, cpu.segments[Segment.CS].base);
        assertEquals(0xf000, cpu.segments[Segment.CS].selector);
        assertEquals(0xffff, cpu.idtLimit);
        assertEquals(0xffff_0ff0L, cpu.dr[6]);
        assertEquals(0x400, cpu.dr[7]);
        assertEquals(0x40, cpu.x87.controlWord);
        assertEquals(0x5555, cpu.x87.tagWord);
        assertEquals(0x1f80, cpu.mxcsr);
        assertEquals(2, cpu.codeBytes);
    }

    @Test
    void initKeepsWhatTable10_1Keeps() {
        rig.longMode();
        cpu.lstar = 0x1234;
        cpu.mxcsr = 0x1fc0;
        cpu.cr0 |= ControlRegisters.CR0_CD;
        ResetState.init(cpu);
        assertEquals(ControlRegisters.CR0_CD | ControlRegisters.CR0_ET, cpu.cr0);
        assertEquals(0, cpu.efer);
        assertEquals(0x1234, cpu.lstar);
        assertEquals(0x1fc0, cpu.mxcsr);
        ResetState.startup(cpu, 0x9a);
        assertEquals(0x9a00, cpu.segments[Segment.CS].selector);
        assertEquals(0x9a000, cpu.segments[Segment.CS].base);
        assertEquals(0, cpu.rip);
    }

    @Test
    void cr0RefusesImpossibleBits() {
        rig.longMode();
        refused(() -> ControlRegisters.write(cpu, 0, 1L << 32 | cpu.cr0));
        refused(() -> ControlRegisters.write(cpu, 0, ControlRegisters.CR0_PG));
        refused(() -> ControlRegisters.write(cpu, 0, cpu.cr0 | ControlRegisters.CR0_NW));
        // SDM 3A 10.8.5.4: 64-bit code cannot switch paging off.
        refused(() -> ControlRegisters.write(cpu, 0, cpu.cr0 & ~ControlRegisters.CR0_PG));
        ControlRegisters.write(cpu, 0, cpu.cr0 & ~ControlRegisters.CR0_ET);
        assertTrue((cpu.cr0 & ControlRegisters.CR0_ET) != 0, "ET is always 1");
    }

    @Test
    void longModeNeedsPae() {
        cpu.cr0 = 0x11;
        cpu.efer = ControlRegisters.EFER_LME;
        refused(() -> ControlRegisters.write(cpu, 0, 0x8000_0011L));
        ControlRegisters.write(cpu, 4, ControlRegisters.CR4_PAE);
        ControlRegisters.write(cpu, 0, 0x8000_0011L);
        assertTrue(cpu.isLongMode());
        assertEquals(2, cpu.codeBytes, "compatibility mode until CS.L");
        refused(() -> ControlRegisters.write(cpu, 4, 0));
        refused(() -> Msrs.write(cpu, 0xc000_0080, 0));
        ControlRegisters.write(cpu, 0, 0x11);
        assertEquals(ControlRegisters.EFER_LME, cpu.efer);
    }

    @Test
    void cr3Cr4AndCr8RefuseReservedBits() {
        rig.longMode();
        refused(() -> ControlRegisters.write(cpu, 3, 1L << Cpuid.PHYSICAL_BITS));
        refused(() -> ControlRegisters.write(cpu, 4, cpu.cr4 | 1 << 17));
        refused(() -> ControlRegisters.write(cpu, 4, cpu.cr4 | 1 << 13));
        refused(() -> ControlRegisters.write(cpu, 8, 16));
        ControlRegisters.write(cpu, 8, 9);
        assertEquals(9, rig.interrupts.priority);
        assertEquals(
                Vector.UD,
                assertThrows(GuestException.class, () -> ControlRegisters.read(cpu, 5))
                        .vector());
    }

    @Test
    void statusWordCannotLeaveProtectedMode() {
        cpu.cr0 = 0x11;
        ControlRegisters.loadStatusWord(cpu, 0xe);
        assertEquals(0x1f, cpu.cr0);
    }

    @Test
    void extendedControlRegister() {
        assertEquals(
                Vector.UD,
                assertThrows(GuestException.class, () -> ControlRegisters.readXcr(cpu, 0))
                        .vector());
        cpu.cr4 = ControlRegisters.CR4_OSXSAVE;
        refused(() -> ControlRegisters.writeXcr(cpu, 0, 2));
        refused(() -> ControlRegisters.writeXcr(cpu, 0, 7));
        refused(() -> ControlRegisters.writeXcr(cpu, 1, 1));
        ControlRegisters.writeXcr(cpu, 0, 3);
        assertEquals(3, ControlRegisters.readXcr(cpu, 0));
    }

    @Test
    void msrsThatHoldAddressesWantThemCanonical() {
        for (int number : new int[] {0x175, 0x176, 0xc000_0082, 0xc000_0083, 0xc000_0100, 0xc000_0101, 0xc000_0102}) {
            refused(() -> Msrs.write(cpu, number, 1L << 47));
            Msrs.write(cpu, number, -1L << 47);
            assertEquals(-1L << 47, Msrs.read(cpu, number));
        }
    }

    @Test
    void msrsThatDoNotExistAndValuesTheyDoNotTake() {
        refused(() -> Msrs.read(cpu, 0x1234_5678));
        refused(() -> Msrs.write(cpu, 0x1234_5678, 0));
        refused(() -> Msrs.write(cpu, 0xc000_0080, 1 << 12));
        refused(() -> Msrs.write(cpu, 0x277, 2));
        refused(() -> Msrs.write(cpu, 0x2ff, 2));
        refused(() -> Msrs.write(cpu, 0xc000_0103, 1L << 32));
        refused(() -> Msrs.write(cpu, 0x10a, 0));
    }

    @Test
    void theKernelsMsrsAnswer() {
        for (int number : new int[] {
            0x10,
            0x1b,
            0x3b,
            0x48,
            0x8b,
            0xfe,
            0x10a,
            0x174,
            0x175,
            0x176,
            0x179,
            0x17a,
            0x1a0,
            0x1d9,
            0x200,
            0x20f,
            0x250,
            0x258,
            0x26f,
            0x277,
            0x2ff,
            0x400,
            0x427,
            0x802,
            0xc000_0080,
            0xc000_0084,
            0xc000_0103,
            0xc001_0010,
            0xc001_0015,
            0xc001_1029
        }) {
            Msrs.read(cpu, number);
        }
    }

    @Test
    void tscMovesAndAdjustFollows() {
        rig.now = 5_000;
        Msrs.write(cpu, 0x10, 100);
        assertEquals(100, Msrs.read(cpu, 0x10));
        assertEquals(-4_900, Msrs.read(cpu, 0x3b));
        Msrs.write(cpu, 0x3b, 0);
        assertEquals(5_000, Msrs.read(cpu, 0x10));
    }

    @Test
    void pvClockGivesTheMachinesTimeFromTheTsc() {
        rig.now = 123_456_789L;
        Msrs.write(cpu, 0x10, 77);
        Msrs.write(cpu, 0x4b56_4d01, 0x9001);
        rig.now += 1_000_000_007L;
        final long delta = Msrs.read(cpu, 0x10) - rig.get64(0x9008);
        final long multiplier = rig.get32(0x9018) & 0xffff_ffffL;
        final int shift = (byte) rig.get32(0x901c);
        // pvclock_scale_delta of Linux: shift, then the upper half of the product by the multiplier.
        final long time = rig.get64(0x9010) + Math.unsignedMultiplyHigh(delta << shift, multiplier << 32);
        assertEquals(rig.now, time);
        assertEquals(0, rig.get32(0x9000) & 1, "version is even");
        assertEquals(1, (rig.get32(0x901c) >> 8) & 0xff, "PVCLOCK_TSC_STABLE_BIT");
    }

    @Test
    void pvClockOutsideRamIsNotWritten() {
        Msrs.write(cpu, 0x4b56_4d01, (1L << 39) | 1);
        Msrs.write(cpu, 0x4b56_4d01, 0xffff_ffff_ffff_fff1L);
        Msrs.write(cpu, 0x4b56_4d00, 0xffd);
    }

    @Test
    void wallClockIsThatOfTheMachinesStart() {
        Msrs.write(cpu, 0x4b56_4d00, 0x9100);
        final long seconds = rig.get32(0x9104) & 0xffff_ffffL;
        assertTrue(Math.abs(System.currentTimeMillis() / 1000 - seconds) < 100);
    }

    private int[] cpuid(int leaf, int subleaf) {
        cpu.r[Cpu.RAX] = leaf & 0xffff_ffffL;
        cpu.r[Cpu.RCX] = subleaf;
        cpu.cpuid.run(cpu);
        return new int[] {(int) cpu.r[Cpu.RAX], (int) cpu.r[Cpu.RBX], (int) cpu.r[Cpu.RCX], (int) cpu.r[Cpu.RDX]};
    }

    private static String text(int... words) {
        final byte[] bytes = new byte[words.length * 4];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (words[i / 4] >>> (i % 4 * 8));
        }
        return new String(bytes, StandardCharsets.ISO_8859_1).replace("\0", "");
    }

    @Test
    void cpuidTellsWhoWeAre() {
        cpu.cpuid = new Cpuid(2, 4);
        final int[] vendor = cpuid(0, 0);
        assertEquals("AuthenticAMD", text(vendor[1], vendor[3], vendor[2]));
        final int[] kvm = cpuid(0x4000_0000, 0);
        assertEquals("KVMKVMKVM", text(kvm[1], kvm[2], kvm[3]));
        final StringBuilder name = new StringBuilder();
        for (int leaf = 0x8000_0002; leaf <= 0x8000_0004; leaf++) {
            name.append(text(cpuid(leaf, 0)));
        }
        assertEquals("jvmm x86-64 software CPU", name.toString());
        assertEquals(2, cpuid(1, 0)[1] >>> 24, "APIC id");
        assertEquals(4, cpuid(1, 0)[1] >>> 16 & 0xff);
        assertEquals(2, cpuid(0xb, 0)[3], "x2APIC id");
        assertEquals(2, cpuid(0xb, 1)[0], "bits of the APIC id within the package");
        assertEquals(4, cpuid(0xb, 1)[1]);
    }

    @Test
    void cpuidOffersNoMoreThanControlRegistersTake() {
        // OSXSAVE follows CR4 (SDM 2A CPUID leaf 1).
        assertEquals(0, cpuid(1, 0)[2] >>> 27 & 1);
        cpu.cr4 = ControlRegisters.CR4_OSXSAVE;
        assertEquals(1, cpuid(1, 0)[2] >>> 27 & 1);
        final int leaf7 = cpuid(7, 0)[1];
        assertEquals((leaf7 >>> 7 & 1) != 0, (ControlRegisters.CR4_BITS & ControlRegisters.CR4_SMEP) != 0);
        assertEquals((leaf7 >>> 20 & 1) != 0, (ControlRegisters.CR4_BITS & ControlRegisters.CR4_SMAP) != 0);
        assertEquals(0, cpuid(1, 0)[2] >>> 17 & 1, "no PCID, so no CR4.PCIDE");
        assertEquals(ControlRegisters.XCR0_BITS, cpuid(0xd, 0)[0]);
    }

    @Test
    void systemCallsGoWhereTheirMsrsSay() {
        rig.longMode().user();
        cpu.efer |= ControlRegisters.EFER_SCE;
        cpu.star = 0x0020_0010L << 32;
        cpu.lstar = 0x6000;
        cpu.syscallMask = Flags.IF | Flags.DF;
        cpu.setFlags(Flags.IF | Flags.DF | Flags.CF, -1);
        rig.code(CODE, "0f 05");
        rig.step();
        assertEquals(0x6000, cpu.rip);
        assertEquals(CODE + 2, cpu.r[Cpu.RCX]);
        assertEquals(Flags.IF | Flags.DF | Flags.CF | 2, cpu.r[11]);
        assertEquals(Flags.CF | 2, cpu.flags());
        assertEquals(0, cpu.cpl);
        assertEquals(0x18, cpu.segments[Segment.SS].selector);
        rig.code(0x6000, "48 0f 07");
        rig.step();
        assertEquals(CODE + 2, cpu.rip);
        assertEquals(0x33, cpu.segments[Segment.CS].selector);
        assertEquals(0x2b, cpu.segments[Segment.SS].selector);
        assertEquals(3, cpu.cpl);
        assertEquals(8, cpu.codeBytes);
    }

    @Test
    void sysenterIsNotThereInLongModeAsOnAmd() {
        rig.longMode();
        rig.code(CODE, "0f 34");
        rig.step();
        assertEquals(Vector.UD, vectorAt(cpu.rip));
    }

    @Test
    void fsgsbaseNeedsItsBit() {
        rig.longMode();
        // rdfsbase rax
        rig.code(CODE, "f3 48 0f ae c0");
        rig.step();
        assertEquals(Vector.UD, vectorAt(cpu.rip));
        cpu.rip = CODE;
        cpu.cr4 |= ControlRegisters.CR4_FSGSBASE;
        cpu.segments[Segment.FS].base = -4096;
        rig.step();
        assertEquals(-4096, cpu.r[Cpu.RAX]);
    }

    /** CPUID offers neither VMX nor SVM (SDM 3C 31.3, APM 3 "VMMCALL"). */
    @Test
    void hypercallsAreUndefinedAtEveryPrivilege() {
        for (final String call : new String[] {"0f 01 c1", "0f 01 d9", "0f 01 d8", "0f 01 c2"}) {
            rig.longMode();
            rig.code(CODE, call);
            rig.step();
            assertEquals(Vector.UD, vectorAt(cpu.rip), call);
            rig.longMode().user();
            rig.step();
            assertEquals(Vector.UD, vectorAt(cpu.rip), call);
        }
    }

    @Test
    void theClockIsSeenWhereCodeWas() {
        rig.longMode();
        // jmp to 9008, where the clock's tsc_timestamp will be: hlt now
        rig.code(CODE, "e9 03 40 00 00");
        rig.code(0x9008, "f4");
        rig.executor.run(10);
        assertEquals(0x9009, cpu.rip);
        cpu.halted = false;
        cpu.tscOffset = 0xf490;
        Msrs.write(cpu, 0x4b56_4d01, 0x9000 | 1);
        assertEquals(0xf490, rig.get16(0x9008));
        cpu.rip = 0x9008;
        rig.executor.run(10);
        assertEquals(0x900a, cpu.rip, "nop; hlt");
    }
}
