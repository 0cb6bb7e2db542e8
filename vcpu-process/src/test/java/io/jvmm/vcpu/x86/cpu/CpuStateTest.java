package io.jvmm.vcpu.x86.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import io.jvmm.vcpu.x86.interp.LongModeTables;
import io.jvmm.vcpu.x86.interp.SystemRig;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** A vCPU's state saved, put back, and refused. */
class CpuStateTest {
    private static MemorySegment saved(Cpu cpu) {
        final MemorySegment bytes = MemorySegment.ofArray(new byte[CpuState.BYTES]);
        CpuState.save(cpu, bytes);
        return bytes;
    }

    private static byte[] array(MemorySegment bytes) {
        return bytes.toArray(ValueLayout.JAVA_BYTE);
    }

    @Test
    void layoutIsAsDrawn() {
        assertEquals(1224, CpuState.BYTES);
        assertEquals(144, CpuStateLayout.offset("segments"));
        assertEquals(296, CpuStateLayout.offset("control"));
        assertEquals(536, CpuStateLayout.offset("mtrrBase"));
        assertEquals(832, CpuStateLayout.offset("xmm"));
        assertEquals(1120, CpuStateLayout.offset("significand"));
        assertEquals(1200, CpuStateLayout.offset("cpl"));
        assertEquals(1208, CpuStateLayout.offset("undelivered"));
        assertEquals(1216, CpuStateLayout.offset("retired"));
    }

    @Test
    void anotherProcessorGoesOnWhereThisOneWas() {
        final long seed = TestSeed.next();
        final Random random = new Random(seed);
        final SystemRig first = new SystemRig();
        final LongModeTables tables = first.longMode();
        tables.user();
        final Cpu cpu = first.cpu;
        for (int i = 0; i < 16; i++) {
            cpu.r[i] = random.nextLong();
        }
        for (int i = 0; i < 32; i++) {
            cpu.xmm[i] = random.nextLong();
        }
        for (int i = 0; i < 8; i++) {
            cpu.x87.significand[i] = random.nextLong();
            cpu.x87.signExponent[i] = random.nextInt(1 << 16);
        }
        cpu.x87.top = 5;
        cpu.setLazy(Flags.SUB + 2, 0, 7);
        cpu.segments[Segment.FS].base = 0x7fff_1234_5678L;
        cpu.lstar = 0xffff_ffff_8100_0000L;
        cpu.tscOffset = -5;
        cpu.interruptShadow = true;
        cpu.undelivered = 0x31;
        cpu.retired = 1L << 40;

        final SystemRig second = new SystemRig();
        CpuState.load(second.cpu, saved(cpu));
        assertArrayEquals(array(saved(cpu)), array(saved(second.cpu)));
        assertEquals(8, second.cpu.codeBytes);
        assertEquals(3, second.cpu.cpl);
        assertTrue(second.cpu.condition(4), "ZF");
        assertEquals(5, second.cpu.x87.top);
    }

    @Test
    void realModeAndProtectedModeToo() {
        final SystemRig rig = new SystemRig();
        CpuState.load(new SystemRig().cpu, saved(rig.cpu));
        ResetState.protected32(rig.cpu, 0x10_0000, 0x1000, 0x27);
        final SystemRig second = new SystemRig();
        CpuState.load(second.cpu, saved(rig.cpu));
        assertEquals(4, second.cpu.codeBytes);
    }

    private static void refused(String what, Consumer<Cpu> spoil) {
        final SystemRig rig = new SystemRig();
        rig.longMode();
        final Cpu cpu = rig.cpu;
        spoil.accept(cpu);
        final SystemRig other = new SystemRig();
        final byte[] before = array(saved(other.cpu));
        final IllegalArgumentException e =
                assertThrows(IllegalArgumentException.class, () -> CpuState.load(other.cpu, saved(cpu)), what);
        assertTrue(String.valueOf(e.getMessage()).contains(what), e.getMessage());
        assertArrayEquals(before, array(saved(other.cpu)), "nothing has changed");
    }

    @Test
    void whatNoProcessorCouldBeInIsRefused() {
        refused("CR0", c -> c.cr0 |= 1 << 7);
        refused("CR0.PG without PE", c -> c.cr0 &= ~1L);
        refused("CR4", c -> c.cr4 |= 1 << 17);
        refused("EFER.LMA", c -> c.efer &= ~ControlRegisters.EFER_LMA);
        refused("CR4.PAE", c -> c.cr4 = 0);
        refused("CR3", c -> c.cr3 = 1L << 60);
        refused("XCR0", c -> c.xcr0 = 6);
        refused("RFLAGS", c -> c.otherFlags |= 1 << 15);
        refused("RIP", c -> c.rip = 1L << 62);
        refused("CPL", c -> c.cpl = 3);
        refused("virtual-8086", c -> {
            c.otherFlags |= Flags.VM;
            c.cpl = 3;
        });
        refused("CS", c -> c.segments[Segment.CS].access = 0xc093);
        refused("limit of segment", c -> c.segments[Segment.DS].access &= ~0x8000);
        refused("base of segment", c -> c.segments[Segment.GS].base = 1L << 62);
        refused("LSTAR", c -> c.lstar = 1L << 62);
        refused("PAT", c -> c.pat = 2);
        refused("DR7", c -> c.dr[7] = 0);
        refused("MXCSR", c -> c.mxcsr = 1 << 20);
        refused("undelivered", c -> c.undelivered = 256);
    }

    @Test
    void anyBytesEitherLoadOrAreRefused() {
        final long seed = TestSeed.next();
        final Random random = new Random(seed);
        final SystemRig rig = new SystemRig();
        rig.longMode();
        final byte[] good = array(saved(rig.cpu));
        int loaded = 0;
        for (int i = 0; i < 20_000; i++) {
            final byte[] bytes = good.clone();
            for (int j = random.nextInt(3); j >= 0; j--) {
                bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
            }
            try {
                CpuState.load(rig.cpu, MemorySegment.ofArray(bytes));
                assertArrayEquals(bytes, array(saved(rig.cpu)));
                loaded++;
            } catch (IllegalArgumentException e) {
                assertTrue(String.valueOf(e.getMessage()).startsWith("not the state"), e.getMessage());
            }
        }
        assertTrue(loaded > 1_000, "loaded " + loaded);
    }
}
