package io.jvmm.vcpu.x86.apic;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import io.jvmm.vcpu.state.StateCursor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Interrupt controllers and timers saved, put back, and refused. */
class ControllerStateTest {
    private static final int APIC_BYTES = 192;
    private static final int CHIPSET_BYTES = 392;
    private static final long NOW_NS = 5_000_000_000L;

    /** Two processors' APICs and a chipset. */
    private static final class Rig {
        final ApicBus bus = new ApicBus(2);
        final LocalApic apic = new LocalApic(0, bus, () -> {});
        final LocalApic other = new LocalApic(1, bus, () -> {});
        final Chipset chipset = new Chipset(bus, _ -> {});

        byte[] save() {
            final MemorySegment bytes = MemorySegment.ofArray(new byte[CHIPSET_BYTES + 2 * APIC_BYTES]);
            final StateCursor state = StateCursor.saving(bytes);
            transfer(state);
            assertEquals(bytes.byteSize(), state.position());
            return bytes.toArray(ValueLayout.JAVA_BYTE);
        }

        void load(byte[] bytes) {
            transfer(StateCursor.loading(MemorySegment.ofArray(bytes)));
        }

        private void transfer(StateCursor state) {
            chipset.transfer(state, NOW_NS);
            apic.transfer(state, NOW_NS);
            other.transfer(state, NOW_NS);
        }
    }

    private static long offset(StructLayout layout, Object... path) {
        final PathElement[] elements = new PathElement[path.length];
        for (int i = 0; i < path.length; i++) {
            elements[i] = path[i] instanceof Integer index
                    ? PathElement.sequenceElement(index)
                    : PathElement.groupElement((String) path[i]);
        }
        return ((MemoryLayout) layout).byteOffset(elements);
    }

    @Test
    void layoutsAreAsDrawn() {
        final StructLayout apic = ControllerLayout.LOCAL_APIC_V1;
        assertEquals(APIC_BYTES, apic.byteSize());
        assertEquals(32, offset(apic, "ISR"));
        assertEquals(64, offset(apic, "TMR"));
        assertEquals(96, offset(apic, "IA32_APIC_BASE"));
        assertEquals(104, offset(apic, "LDR"));
        assertEquals(116, offset(apic, "SVR"));
        assertEquals(132, offset(apic, "ICR_HIGH"));
        assertEquals(136, offset(apic, "LVT_TIMER"));
        assertEquals(160, offset(apic, "startup"));
        assertEquals(165, offset(apic, "timerRunning"));
        assertEquals(168, offset(apic, "DIVIDE"));
        assertEquals(176, offset(apic, "timerStartNs"));
        assertEquals(184, offset(apic, "IA32_TSC_DEADLINE"));
        final StructLayout chipset = ControllerLayout.CHIPSET_V1;
        assertEquals(CHIPSET_BYTES, chipset.byteSize());
        assertEquals(8, offset(chipset, "ioapic", "IOREGSEL"));
        assertEquals(16, offset(chipset, "ioapic", "redirection"));
        assertEquals(208, offset(chipset, "master"));
        assertEquals(232, offset(chipset, "slave"));
        assertEquals(232 + 16, offset(chipset, "slave", "poll"));
        assertEquals(256, offset(chipset, "pit", "port61"));
        assertEquals(264, offset(chipset, "pit", "reportedTick"));
        assertEquals(272, offset(chipset, "pit", "channel"));
        assertEquals(272 + 2 * 40 + 32, offset(chipset, "pit", "channel", 2, "ticksBefore"));
    }

    /** What a driver wrote is found under its name. */
    @Test
    void fieldsAreWhereTheLayoutSays() {
        final Rig rig = busy();
        final MemorySegment bytes = MemorySegment.ofArray(rig.save());
        final MemorySegment chipset = bytes.asSlice(0, CHIPSET_BYTES);
        final MemorySegment apic = bytes.asSlice(CHIPSET_BYTES, APIC_BYTES);
        final StructLayout c = ControllerLayout.CHIPSET_V1;
        final StructLayout a = ControllerLayout.LOCAL_APIC_V1;
        assertEquals(0x1 << 9, u32(chipset, offset(c, "asserted")));
        assertEquals(0x1 << 9, u32(chipset, offset(c, "ioapic", "pins")));
        assertEquals(0xc031, u32(chipset, offset(c, "ioapic", "redirection", 9, "low")), "level, remote IRR, vector");
        assertEquals(0x0100_0000, u32(chipset, offset(c, "ioapic", "redirection", 4, "high")));
        assertEquals(0x20, chipset.get(ValueLayout.JAVA_BYTE, offset(c, "master", "ICW2")));
        assertEquals(0x28, chipset.get(ValueLayout.JAVA_BYTE, offset(c, "slave", "ICW2")));
        assertEquals((byte) 0xfa, chipset.get(ValueLayout.JAVA_BYTE, offset(c, "master", "IMR")));
        assertEquals(2, chipset.get(ValueLayout.JAVA_BYTE, offset(c, "pit", "channel", 0, "control", "mode")));
        assertEquals(0x1234, u32(chipset, offset(c, "pit", "channel", 0, "period")));
        assertEquals(3, chipset.get(ValueLayout.JAVA_BYTE, offset(c, "pit", "port61")));
        assertEquals(1L << 0x31, apic.get(ValueLayout.JAVA_LONG_UNALIGNED, offset(a, "IRR")));
        assertEquals(1L << 0x31, apic.get(ValueLayout.JAVA_LONG_UNALIGNED, offset(a, "TMR")));
        assertEquals(0xfee0_0900L, apic.get(ValueLayout.JAVA_LONG_UNALIGNED, offset(a, "IA32_APIC_BASE")));
        assertEquals(0x0300_0000, u32(apic, offset(a, "LDR")));
        assertEquals(0x10, u32(apic, offset(a, "TPR")));
        assertEquals(0x1ff, u32(apic, offset(a, "SVR")));
        assertEquals(0x2_00ef, u32(apic, offset(a, "LVT_TIMER")));
        assertEquals(0xb, u32(apic, offset(a, "DIVIDE")));
        assertEquals(1_000_000, u32(apic, offset(a, "INITIAL_COUNT")));
        assertEquals(4_000_000_000L, apic.get(ValueLayout.JAVA_LONG_UNALIGNED, offset(a, "timerStartNs")));
        assertEquals(LocalApic.STARTUP_INIT, u32(bytes, CHIPSET_BYTES + APIC_BYTES + offset(a, "startup")));
    }

    private static int u32(MemorySegment bytes, long offset) {
        return bytes.get(ValueLayout.JAVA_INT_UNALIGNED, offset);
    }

    /** In the middle of all sorts of things. */
    private static Rig busy() {
        final Rig rig = new Rig();
        final long then = 4_000_000_000L;
        rig.apic.write(ApicRegister.SVR, 0x1ff, 0);
        rig.apic.write(ApicRegister.LDR, 0x0300_0000, 0);
        rig.apic.write(ApicRegister.TPR, 0x10, 0);
        rig.apic.write(ApicRegister.LVT_TIMER, 0x2_00ef, then);
        rig.apic.write(ApicRegister.DIVIDE, 0xb, then);
        rig.apic.write(ApicRegister.INITIAL_COUNT, 1_000_000, then);
        rig.apic.write(ApicRegister.ICR_HIGH, 1 << 24, then);
        rig.apic.write(ApicRegister.ICR_LOW, 0x4500, then);
        for (final int[] entry : new int[][] {{9, 0x8031, 0}, {4, 0x34, 1}}) {
            rig.chipset.writeIoapic(0, 4, 0x11 + 2 * entry[0]);
            rig.chipset.writeIoapic(0x10, 4, entry[2] << 24);
            rig.chipset.writeIoapic(0, 4, 0x10 + 2 * entry[0]);
            rig.chipset.writeIoapic(0x10, 4, entry[1]);
        }
        rig.chipset.assertLevel(9);
        final int[][] ports = {
            {0x20, 0x11}, {0x21, 0x20}, {0x21, 4}, {0x21, 1}, {0xa0, 0x11}, {0xa1, 0x28}, {0xa1, 2}, {0xa1, 1},
            {0x21, 0xfa}, {0x43, 0x34}, {0x40, 0x34}, {0x40, 0x12}, {0x61, 3}, {0x43, 0xb6}, {0x42, 0x77}, {0x42, 1},
        };
        for (final int[] port : ports) {
            rig.chipset.writePort(port[0], port[1], then);
        }
        return rig;
    }

    @Test
    void theLoadedOneGoesOnAlike() {
        final Rig first = busy();
        final Rig second = new Rig();
        second.load(first.save());
        assertArrayEquals(first.save(), second.save());
        assertEquals(first.chipset.picInterrupt(), second.chipset.picInterrupt());
        assertEquals(first.apic.isInterruptPending(), second.apic.isInterruptPending());
        assertEquals(first.apic.acceptsExternal(), second.apic.acceptsExternal());
        long now = NOW_NS;
        for (int i = 0; i < 2_000; i++) {
            assertEquals(first.chipset.nextDeadlineNs(), second.chipset.nextDeadlineNs());
            assertEquals(first.apic.timer().nextNs(0), second.apic.timer().nextNs(0));
            now = Math.min(first.chipset.nextDeadlineNs(), first.apic.timer().nextNs(0)) + 7;
            for (final Rig rig : new Rig[] {first, second}) {
                rig.chipset.tick(now);
                rig.apic.tick(now, 0);
            }
            assertEquals(first.apic.acknowledge(), second.apic.acknowledge());
            assertEquals(first.chipset.picInterrupt(), second.chipset.picInterrupt());
            assertEquals(first.chipset.acknowledgePic(now), second.chipset.acknowledgePic(now));
            assertEquals(first.chipset.readPort(0x42, now), second.chipset.readPort(0x42, now));
            for (final Rig rig : new Rig[] {first, second}) {
                rig.chipset.writePort(0x20, 0x20, now);
                rig.apic.write(ApicRegister.EOI, 0, now);
            }
        }
    }

    private static void refused(String what, long offset, int value) {
        final byte[] bytes = busy().save();
        MemorySegment.ofArray(bytes).set(ValueLayout.JAVA_INT_UNALIGNED, offset, value);
        final Rig rig = new Rig();
        final IllegalArgumentException e =
                assertThrows(IllegalArgumentException.class, () -> rig.load(bytes), what + " at " + offset);
        assertTrue(String.valueOf(e.getMessage()).contains(what), e.getMessage());
    }

    @Test
    void whatNoControllerCouldBeInIsRefused() {
        final StructLayout c = ControllerLayout.CHIPSET_V1;
        refused("GSIs", offset(c, "asserted"), 1 << 24);
        refused("pins", offset(c, "ioapic", "pins"), -1);
        refused("redirection", offset(c, "ioapic", "redirection", 3, "high"), 1);
        refused("remote IRR", offset(c, "ioapic", "redirection", 3, "low"), 1 << 14);
        refused("initialization", offset(c, "master", "initialization"), 1);
        refused("edge/level", offset(c, "master", "ELCR"), 1);
        refused("padding", offset(c, "slave", "poll"), 0x100);
        refused("time of the 8254", offset(c, "pit", "reportedTick") + 4, 1);
        refused("time of the 8254", offset(c, "pit", "reportedTick") + 4, -1);
        refused("mode", offset(c, "pit", "channel", 1, "control"), 6);
        refused("count", offset(c, "pit", "channel", 0, "period"), 0x1_0001);
        refused("counts nothing", offset(c, "pit", "channel", 0, "period"), 0);
        refused("latch", offset(c, "pit", "channel", 0, "latchedCount"), -2);
        refused("start", offset(c, "pit", "channel", 0, "startTick") + 4, -1);
        final StructLayout a = ControllerLayout.LOCAL_APIC_V1;
        refused("IRR", CHIPSET_BYTES + offset(a, "IRR"), 1 << 3);
        refused("boot processor", CHIPSET_BYTES + offset(a, "IA32_APIC_BASE"), 0xfee0_0800);
        refused("x2APIC", CHIPSET_BYTES + offset(a, "IA32_APIC_BASE"), 0xfee0_0500);
        refused("LDR", CHIPSET_BYTES + offset(a, "IA32_APIC_BASE"), 0xfee0_0d00);
        refused("DFR", CHIPSET_BYTES + offset(a, "DFR"), 16);
        refused("disabled", CHIPSET_BYTES + offset(a, "SVR"), 0xff);
        refused("LVT", CHIPSET_BYTES + offset(a, "LVT_ERROR"), 1 << 13);
        refused("start-up", CHIPSET_BYTES + offset(a, "startup"), 0x400);
        refused("divide", CHIPSET_BYTES + offset(a, "DIVIDE"), 4);
        refused("counts nothing", CHIPSET_BYTES + offset(a, "INITIAL_COUNT"), 0);
        refused("start of a timer", CHIPSET_BYTES + offset(a, "timerStartNs") + 4, 2);
        refused("deadline", CHIPSET_BYTES + offset(a, "IA32_TSC_DEADLINE"), 1);
    }

    /** Whatever is not refused can be used: nothing divides by zero, overflows an index or goes on for ever. */
    @Test
    void anyBytesEitherLoadAndServeOrAreRefused() {
        final long seed = TestSeed.next();
        final Random random = new Random(seed);
        final byte[] good = busy().save();
        int loaded = 0;
        for (int i = 0; i < 30_000; i++) {
            final byte[] bytes = good.clone();
            for (int j = random.nextInt(4); j >= 0; j--) {
                bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
            }
            final Rig rig = new Rig();
            try {
                rig.load(bytes);
            } catch (IllegalArgumentException e) {
                assertTrue(String.valueOf(e.getMessage()).startsWith("not the state"), e.getMessage());
                continue;
            }
            loaded++;
            assertArrayEquals(bytes, rig.save());
            use(rig, random);
        }
        assertTrue(loaded > 1_000, "loaded " + loaded);
    }

    private static void use(Rig rig, Random random) {
        long now = NOW_NS;
        for (int i = 0; i < 20; i++) {
            now += random.nextInt(10_000_000);
            final int port =
                    new int[] {0x20, 0x21, 0xa0, 0xa1, 0x40, 0x41, 0x42, 0x43, 0x61, 0x4d0}[random.nextInt(10)];
            rig.chipset.readPort(port, now);
            rig.chipset.writePort(port, random.nextInt(256), now);
            rig.chipset.readIoapic(0x10, 4);
            rig.chipset.pulse(random.nextInt(Chipset.GSIS));
            rig.chipset.acknowledgePic(now);
            rig.apic.tick(now, random.nextLong());
            rig.apic.acknowledge();
            rig.apic.read(random.nextInt(0x40), now);
            rig.apic.write(random.nextInt(0x40), random.nextInt(), now);
            rig.apic.write(ApicRegister.EOI, 0, now);
        }
    }
}
