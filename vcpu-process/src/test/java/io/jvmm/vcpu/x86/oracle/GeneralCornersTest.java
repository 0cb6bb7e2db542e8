package io.jvmm.vcpu.x86.oracle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Flags;
import io.jvmm.vcpu.x86.cpu.ModeKey;
import io.jvmm.vcpu.x86.cpu.Segment;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.interp.IntegerFactory;
import io.jvmm.vcpu.x86.mmu.DeviceExit;
import io.jvmm.vcpu.x86.mmu.DeviceSpace;
import io.jvmm.vcpu.x86.mmu.Vector;
import io.jvmm.vcpu.x86.oracle.sys.NativeCpu;
import io.jvmm.vcpu.x86.oracle.sys.NativeState;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

/** What the host's processor cannot be asked about from user mode: ports, segments, 16-bit code, repeated instructions in pieces, LOCK. */
class GeneralCornersTest {
    private static final long AT = 0x10_0000;
    private static final long RIP = 0x40_0000;

    private final Ports ports = new Ports();
    private final MemorySegment ram = Arena.ofAuto().allocate(NativeCpu.SCRATCH_BYTES, 4096);
    private final InterpretedCpu guest = new InterpretedCpu(AT, ram, ports, new IntegerFactory());
    private final Cpu cpu = guest.cpu;
    private final NativeState state = new NativeState();

    /** Ports that give 1, 2, 3, ..., and leave to the board when told to. */
    private static final class Ports implements DeviceSpace {
        private final DeviceExit exit = new DeviceExit();
        int given;
        int exitBefore = -1;
        final StringBuilder written = new StringBuilder();

        @Override
        public long readMemory(long guestPhysicalAddress, int widthBytes) {
            return -1;
        }

        @Override
        public void writeMemory(long guestPhysicalAddress, int widthBytes, long value) {
            // Nobody is there.
        }

        @Override
        public int in(int port, int widthBytes) {
            if (given == exitBefore) {
                exitBefore = -1;
                throw exit;
            }
            return ++given;
        }

        @Override
        public void out(int port, int widthBytes, int value) {
            written.append(port)
                    .append('/')
                    .append(widthBytes)
                    .append('=')
                    .append(value)
                    .append(' ');
        }
    }

    private Step[] build(String hex) {
        final byte[] code = HexFormat.of().parseHex(hex);
        return guest.build(code, code.length);
    }

    /** To completion; returns the vector of the exception, or -1. */
    private int run(String hex) {
        guest.run(build(hex), hex.length() / 2, RIP, state);
        return state.vector;
    }

    private void once(String hex) {
        System.arraycopy(state.r, 0, cpu.r, 0, 16);
        cpu.blockRip = RIP;
        build(hex)[0].run(cpu);
    }

    private void supervisor() {
        cpu.cpl = 0;
    }

    @Test
    void insGoesOnWhereTheBoardWasAsked() {
        supervisor();
        ports.exitBefore = 2;
        state.r[Cpu.RDI] = AT + 100;
        state.r[Cpu.RCX] = 5;
        assertThrows(DeviceExit.class, () -> once("f36c"));
        assertEquals(3, cpu.r[Cpu.RCX]);
        assertEquals(AT + 102, cpu.r[Cpu.RDI]);
        System.arraycopy(cpu.r, 0, state.r, 0, 16);
        once("f36c");
        assertEquals(0, cpu.r[Cpu.RCX]);
        assertEquals(RIP + 2, cpu.rip);
        assertEquals(0x0504_0302_0100L, ram.get(ValueLayout.JAVA_LONG_UNALIGNED, 99) & 0xffff_ffff_ffffL);
    }

    @Test
    void insDoesNotReadThePortWhenItCannotStore() {
        supervisor();
        state.r[Cpu.RDI] = AT + NativeCpu.SCRATCH_BYTES - 2;
        assertEquals(Vector.PF, run("6d"));
        assertEquals(0, ports.given);
    }

    @Test
    void outsTakesItsPortFromDx() {
        supervisor();
        ram.set(ValueLayout.JAVA_INT, 0, 0x1234);
        state.r[Cpu.RSI] = AT;
        state.r[Cpu.RDX] = 0x7_03f8;
        state.r[Cpu.RCX] = 2;
        run("f3666f");
        assertEquals("1016/2=4660 1016/2=0 ", ports.written.toString());
        assertEquals(AT + 4, state.r[Cpu.RSI]);
    }

    @Test
    void portsTakePrivilegeOrThePermissionMap() {
        cpu.segments[Segment.TR].set(0x40, AT, 0x67 + 0x100, 0x8b);
        ram.set(ValueLayout.JAVA_SHORT_UNALIGNED, 0x66, (short) 0x68);
        // Port 71 is denied, the others are free; the map ends with port 77f.
        ram.set(ValueLayout.JAVA_BYTE, 0x68 + 0x71 / 8, (byte) 2);
        assertEquals(-1, run("e470"));
        assertEquals(Vector.GP, run("e471"));
        assertEquals(Vector.GP, run("66e570"));
        assertEquals(-1, run("66e572"));
        state.r[Cpu.RDX] = 0x900;
        assertEquals(Vector.GP, run("ec"));
        cpu.segments[Segment.TR].limit = 0x67;
        assertEquals(Vector.GP, run("e470"));
        state.flags |= Flags.IOPL;
        assertEquals(-1, run("e471"));
    }

    @Test
    void repeatedInstructionsComeBackAfter4096Items() {
        state.r[Cpu.RSI] = AT;
        state.r[Cpu.RDI] = AT + 0x2000;
        state.r[Cpu.RCX] = 0x1fff;
        for (int i = 0; i < 0x2000; i++) {
            ram.set(ValueLayout.JAVA_BYTE, i, (byte) (i * 31));
        }
        once("f3a4");
        assertEquals(RIP, cpu.rip);
        assertEquals(0xfff, cpu.r[Cpu.RCX]);
        System.arraycopy(cpu.r, 0, state.r, 0, 16);
        once("f3a4");
        assertEquals(RIP + 2, cpu.rip);
        assertEquals(-1, ram.asSlice(0, 0x1fff).mismatch(ram.asSlice(0x2000, 0x1fff)));
    }

    @Test
    void aRepeatedInstructionStopsAtTheItemThatFaults() {
        state.r[Cpu.RDI] = AT + NativeCpu.SCRATCH_BYTES - 12;
        state.r[Cpu.RCX] = 5;
        state.r[Cpu.RAX] = 0x4141_4141;
        assertEquals(Vector.PF, run("f3ab"));
        assertEquals(2, state.r[Cpu.RCX]);
        assertEquals(AT + NativeCpu.SCRATCH_BYTES, state.r[Cpu.RDI]);
    }

    private void legacy(int codeBytes) {
        guest.set32();
        cpu.codeBytes = codeBytes;
        cpu.modeKey = codeBytes == 2 ? ModeKey.CODE_16 | ModeKey.CHECKED : ModeKey.CODE_32 | ModeKey.CHECKED;
    }

    @Test
    void limitsAndTypesOfSegments() {
        legacy(4);
        cpu.segments[Segment.DS].set(0x2b, AT, 0xfff, 0x40f3);
        state.r[Cpu.RBX] = 0xffc;
        assertEquals(-1, run("8b03"));
        state.r[Cpu.RBX] = 0xffd;
        assertEquals(Vector.GP, run("8b03"));
        cpu.segments[Segment.DS].access = 0x40f1;
        state.r[Cpu.RBX] = 0;
        assertEquals(-1, run("8b03"));
        assertEquals(Vector.GP, run("8903"));
        cpu.segments[Segment.DS].access = 0;
        assertEquals(Vector.GP, run("8b03"));
        // Execute-only code; expand-down data above 0fff.
        cpu.segments[Segment.CS].set(0x23, AT, 0x1fff, 0x40f9);
        assertEquals(Vector.GP, run("2e8b03"));
        cpu.segments[Segment.DS].set(0x2b, AT, 0xfff, 0x40f7);
        assertEquals(Vector.GP, run("8b03"));
        state.r[Cpu.RBX] = 0x1000;
        assertEquals(-1, run("8b03"));
        // Through EBP the segment is SS.
        cpu.segments[Segment.SS].set(0x2b, AT, 0xff, 0x40f3);
        state.r[Cpu.RBP] = 0x100;
        assertEquals(Vector.SS, run("8b4500"));
        state.r[Cpu.RSP] = 0x200;
        assertEquals(Vector.SS, run("50"));
        assertEquals(0x200, state.r[Cpu.RSP]);
    }

    @Test
    void branchesStayWithinTheLimitOfCs() {
        legacy(4);
        cpu.segments[Segment.CS].limit = RIP + 0x100;
        assertEquals(-1, run("e900000000"));
        assertEquals(RIP + 5, cpu.rip);
        assertEquals(Vector.GP, run("e900010000"));
        state.r[Cpu.RAX] = RIP + 0x101;
        assertEquals(Vector.GP, run("ffe0"));
        state.r[Cpu.RSP] = AT + 0x100;
        assertEquals(Vector.GP, run("ffd0"));
        assertEquals(AT + 0x100, state.r[Cpu.RSP]);
    }

    @Test
    void sixteenBitCodeWraps() {
        legacy(2);
        for (final int s : new int[] {Segment.DS, Segment.SS, Segment.ES}) {
            cpu.segments[s].set(0x2b, AT, 0xffff, 0xf3);
        }
        ram.set(ValueLayout.JAVA_SHORT_UNALIGNED, 0x10, (short) 0x1234);
        state.r[Cpu.RBX] = 0xaaaa_fff0L;
        state.r[Cpu.RSI] = 0x20;
        assertEquals(-1, run("8b00")); // mov ax, [bx + si]
        assertEquals(0x1234, state.r[Cpu.RAX] & 0xffff);
        state.r[Cpu.RBX] = 0xffff;
        state.r[Cpu.RSI] = 0;
        assertEquals(Vector.GP, run("8b00"));
        state.r[Cpu.RSP] = 0x7777_0002L;
        state.r[Cpu.RAX] = 0x5678;
        assertEquals(-1, run("50"));
        assertEquals(0x7777_0000L, state.r[Cpu.RSP]);
        assertEquals(0x5678, ram.get(ValueLayout.JAVA_SHORT_UNALIGNED, 0));
        assertEquals(Vector.PF, run("50"));
        assertEquals(0x10_fffeL, state.faultAddress);
        assertEquals(-1, run("58"));
        assertEquals(0x7777_0002L, state.r[Cpu.RSP]);
        // JMP and LOOP wrap IP at 16 bits.
        cpu.segments[Segment.CS].limit = 0xffff;
        guest.run(build("e90100"), 3, 0xfffd, state);
        assertEquals(1, cpu.rip);
        state.r[Cpu.RCX] = 0x1_0001L;
        guest.run(build("e2fe"), 2, 0x100, state);
        assertEquals(0x1_0000L, state.r[Cpu.RCX]);
        assertEquals(0x102, cpu.rip);
    }

    @Test
    void popfChangesWhatPrivilegeAllows() {
        state.r[Cpu.RSP] = AT + 0x100;
        ram.set(ValueLayout.JAVA_LONG, 0x100, Flags.IF | Flags.IOPL | Flags.NT | Flags.VIF | Flags.VM | Flags.CF);
        state.flags = 2;
        run("9d");
        assertEquals(2 | Flags.NT | Flags.CF, state.flags);
        supervisor();
        state.r[Cpu.RSP] = AT + 0x100;
        run("9d");
        assertEquals(2 | Flags.NT | Flags.CF | Flags.IF | Flags.IOPL, state.flags);
    }

    @Test
    void lockedInstructionsAreAtomic() throws InterruptedException {
        final String[] adds = {"f048ff03", "f0480103", "f048830301", "f0480fc103"};
        final int rounds = 20_000;
        final Thread[] threads = new Thread[3];
        for (int i = 0; i < threads.length; i++) {
            threads[i] = new Thread(() -> {
                final InterpretedCpu other = new InterpretedCpu(AT, ram, new Ports(), new IntegerFactory());
                final Step[] steps = new Step[adds.length];
                for (int j = 0; j < adds.length; j++) {
                    final byte[] code = HexFormat.of().parseHex(adds[j]);
                    steps[j] = other.build(code, code.length)[0];
                }
                other.cpu.r[Cpu.RBX] = AT + 0x203;
                for (int round = 0; round < rounds; round++) {
                    for (final Step step : steps) {
                        other.cpu.r[Cpu.RAX] = 1;
                        step.run(other.cpu);
                    }
                }
            });
            threads[i].start();
        }
        for (final Thread thread : threads) {
            thread.join();
        }
        final long expected = (long) threads.length * adds.length * rounds;
        assertEquals(expected, ram.get(ValueLayout.JAVA_LONG_UNALIGNED, 0x203));
    }
}
