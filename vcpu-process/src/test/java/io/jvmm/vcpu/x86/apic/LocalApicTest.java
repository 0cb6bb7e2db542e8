package io.jvmm.vcpu.x86.apic;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** SDM 3A chapter 11, by clause. */
class LocalApicTest {
    private static final int SVR_ON = 0x1ff;

    private final ApicBus bus = new ApicBus(32);
    private final List<Integer> woken = new ArrayList<>();
    private final List<Integer> ended = new ArrayList<>();
    private final LocalApic[] apics = new LocalApic[20];

    LocalApicTest() {
        for (int i = 0; i < apics.length; i++) {
            final int id = i;
            apics[i] = new LocalApic(i, bus, () -> woken.add(id));
        }
        bus.listen(ended::add);
    }

    private LocalApic on(int id) {
        apics[id].write(ApicRegister.SVR, SVR_ON, 0);
        return apics[id];
    }

    private LocalApic x2(int id) {
        assertTrue(apics[id].setBase(apics[id].base() | ApicRegister.BASE_X2APIC));
        return on(id);
    }

    private static void ipi(LocalApic from, int destination, int low) {
        from.write(ApicRegister.ICR_HIGH, from.isX2() ? destination : destination << 24, 0);
        from.write(ApicRegister.ICR_LOW, low, 0);
    }

    @Test
    void resetState() {
        // 11.4.7.1
        final LocalApic apic = apics[3];
        assertEquals(0xfee0_0800L, apic.base());
        assertEquals(0xfee0_0900L, apics[0].base());
        assertEquals(3 << 24, apic.read(ApicRegister.ID, 0));
        assertEquals(0xff, apic.read(ApicRegister.SVR, 0));
        assertEquals(-1, apic.read(ApicRegister.DFR, 0));
        assertEquals(0, apic.read(ApicRegister.LDR, 0));
        for (int lvt = ApicRegister.LVT_TIMER; lvt <= ApicRegister.LVT_ERROR; lvt++) {
            assertEquals(0x10000, apic.read(lvt, 0));
        }
        assertEquals(0x14, apic.read(ApicRegister.VERSION, 0) & 0xff);
        assertEquals(5, apic.read(ApicRegister.VERSION, 0) >> 16 & 0xff);
    }

    @Test
    void disabledBySoftwareTakesNothingAndKeepsItsMasks() {
        // 11.4.7.2
        final LocalApic apic = apics[0];
        apic.receive(ApicBus.FIXED, 0x40, false);
        assertFalse(apic.isInterruptPending());
        apic.write(ApicRegister.LVT_LINT0, 0x700, 0);
        assertEquals(0x10700, apic.read(ApicRegister.LVT_LINT0, 0));
        on(0);
        apic.write(ApicRegister.LVT_LINT0, 0x700, 0);
        assertEquals(0x700, apic.read(ApicRegister.LVT_LINT0, 0));
        apic.write(ApicRegister.SVR, 0xff, 0);
        assertEquals(0x10700, apic.read(ApicRegister.LVT_LINT0, 0));
    }

    @Test
    void priorities() {
        // 11.8.3.1: a class in service holds back its own and lower ones; TPR likewise.
        final LocalApic apic = on(0);
        apic.receive(ApicBus.FIXED, 0x45, false);
        apic.receive(ApicBus.FIXED, 0x61, false);
        assertEquals(0x61, apic.acknowledge());
        assertEquals(0x60, apic.read(ApicRegister.PPR, 0));
        assertFalse(apic.isInterruptPending());
        apic.receive(ApicBus.FIXED, 0x6f, false);
        assertFalse(apic.isInterruptPending());
        apic.receive(ApicBus.FIXED, 0x70, false);
        assertEquals(0x70, apic.acknowledge());
        apic.write(ApicRegister.EOI, 0, 0);
        apic.write(ApicRegister.EOI, 0, 0);
        assertEquals(0x6f, apic.acknowledge());
        apic.write(ApicRegister.EOI, 0, 0);
        apic.write(ApicRegister.TPR, 0x4f, 0);
        assertFalse(apic.isInterruptPending());
        assertEquals(0x4f, apic.read(ApicRegister.PPR, 0));
        apic.write(ApicRegister.TPR, 0x3f, 0);
        assertEquals(0x45, apic.acknowledge());
        assertEquals(0x40, apic.read(ApicRegister.PPR, 0));
        assertEquals(1 << 5, apic.read(ApicRegister.ISR + 2, 0));
    }

    @Test
    void spuriousVectorWhenTheTaskPriorityRoseMeanwhile() {
        // 11.9
        final LocalApic apic = on(0);
        apic.write(ApicRegister.SVR, 0x1ef, 0);
        apic.receive(ApicBus.FIXED, 0x40, false);
        apic.setTaskPriority(0xf0);
        assertEquals(0xef, apic.acknowledge());
        assertEquals(0, apic.read(ApicRegister.ISR + 7, 0));
    }

    @Test
    void levelsAreBroadcastWhenTheyEndUnlessSuppressed() {
        // 11.8.5
        final LocalApic apic = on(0);
        apic.receive(ApicBus.FIXED, 0x50, true);
        assertEquals(1 << 16, apic.read(ApicRegister.TMR + 2, 0));
        assertEquals(0x50, apic.acknowledge());
        apic.write(ApicRegister.EOI, 0, 0);
        assertEquals(List.of(0x50), ended);
        apic.receive(ApicBus.FIXED, 0x50, false);
        apic.acknowledge();
        apic.write(ApicRegister.EOI, 0, 0);
        assertEquals(List.of(0x50), ended);
        apic.write(ApicRegister.SVR, SVR_ON | 1 << 12, 0);
        apic.receive(ApicBus.FIXED, 0x50, true);
        apic.acknowledge();
        apic.write(ApicRegister.EOI, 0, 0);
        assertEquals(List.of(0x50), ended);
    }

    @Test
    void shorthands() {
        // 11.6.1
        for (int i = 0; i < 4; i++) {
            on(i);
        }
        ipi(apics[1], 0, 1 << 18 | 0x41);
        ipi(apics[1], 0, 2 << 18 | 0x42);
        ipi(apics[1], 0, 3 << 18 | 0x43);
        assertEquals(0b0110, apics[1].read(ApicRegister.IRR + 2, 0));
        assertEquals(0b1100, apics[0].read(ApicRegister.IRR + 2, 0));
        assertEquals(0b1100, apics[3].read(ApicRegister.IRR + 2, 0));
        assertFalse(apics[5].isInterruptPending());
    }

    @Test
    void physicalDestinations() {
        for (int i = 0; i < 4; i++) {
            on(i);
        }
        ipi(apics[0], 2, 0x40);
        assertTrue(apics[2].isInterruptPending());
        assertFalse(apics[1].isInterruptPending());
        ipi(apics[0], 0xff, 0x41);
        assertEquals(0x41, apics[3].acknowledge());
        assertEquals(0x41, apics[0].acknowledge());
    }

    @Test
    void logicalFlatAndClusterModel() {
        // 11.6.2.2
        for (int i = 0; i < 4; i++) {
            on(i).write(ApicRegister.LDR, 1 << (24 + i), 0);
        }
        ipi(apics[0], 0b1010, 0x800 | 0x40);
        assertFalse(apics[0].isInterruptPending());
        assertTrue(apics[1].isInterruptPending());
        assertFalse(apics[2].isInterruptPending());
        assertTrue(apics[3].isInterruptPending());
        for (int i = 0; i < 4; i++) {
            apics[i].write(ApicRegister.DFR, 0x0fff_ffff, 0);
            apics[i].write(ApicRegister.LDR, ((i >> 1) << 28) | (1 << (24 + (i & 1))), 0);
        }
        ipi(apics[0], 0x11, 0x800 | 0x50);
        assertEquals(0x50, apics[2].acknowledge());
        assertFalse(apics[0].isInterruptPending());
        assertEquals(0x40, apics[3].acknowledge());
    }

    @Test
    void x2LogicalIdsAreDerivedAndMatchedByCluster() {
        // 11.12.10.2
        x2(3);
        x2(17);
        x2(18);
        assertEquals(0x0000_0008, apics[3].read(ApicRegister.LDR, 0));
        assertEquals(0x0001_0002, apics[17].read(ApicRegister.LDR, 0));
        ipi(apics[3], 0x0001_0006, 0x800 | 0x60);
        assertEquals(0x60, apics[17].acknowledge());
        assertEquals(0x60, apics[18].acknowledge());
        assertFalse(apics[3].isInterruptPending());
        ipi(apics[3], -1, 0x61);
        assertTrue(apics[3].isInterruptPending());
        ipi(apics[3], 17, 0x71);
        assertEquals(0x71, apics[17].acknowledge());
    }

    @Test
    void lowestPriorityPicksTheLeastTaskPriority() {
        // 11.6.2.4
        for (int i = 0; i < 3; i++) {
            on(i).write(ApicRegister.LDR, 1 << (24 + i), 0);
        }
        apics[0].setTaskPriority(0x20);
        apics[2].setTaskPriority(0x10);
        apics[1].setTaskPriority(0x30);
        bus.send(ApicBus.LOWEST_PRIORITY, 0x90, false, 7, true);
        assertEquals(0x90, apics[2].acknowledge());
        assertFalse(apics[0].isInterruptPending());
        assertFalse(apics[1].isInterruptPending());
    }

    @Test
    void modesOfTheBaseRegister() {
        // Figure 11-27
        final LocalApic apic = apics[0];
        final long base = apic.base();
        assertFalse(apic.setBase((base & ~ApicRegister.BASE_ENABLE) | ApicRegister.BASE_X2APIC));
        assertTrue(apic.setBase(base | ApicRegister.BASE_X2APIC));
        assertEquals(-1, apic.pageAddress());
        assertFalse(apic.setBase(base));
        assertTrue(apic.setBase(base & ~ApicRegister.BASE_ENABLE));
        assertFalse(apic.setBase(base | ApicRegister.BASE_X2APIC));
        assertTrue(apic.setBase(base));
        assertEquals(0xfee0_0000L, apic.pageAddress());
        assertTrue(apic.setBase(0xfed0_0000L | ApicRegister.BASE_ENABLE));
        assertEquals(0xfed0_0000L, apic.pageAddress());
        assertTrue((apic.base() & ApicRegister.BASE_BSP) != 0, "BSP is read-only");
    }

    @Test
    void disabledInHardwareIsAnOldProcessorWithAnInterruptPin() {
        assertTrue(apics[0].setBase(ApicRegister.BASE_ADDRESS));
        assertTrue(apics[0].acceptsExternal());
        apics[0].receive(ApicBus.FIXED, 0x40, false);
        assertFalse(apics[0].isInterruptPending());
    }

    @Test
    void startupMessages() {
        // 11.4.3, 9.4.3: INIT, then the first SIPI counts.
        ipi(on(0), 1, 0x4500);
        assertEquals(LocalApic.STARTUP_INIT, apics[1].takeStartup());
        assertEquals(0, apics[1].takeStartup());
        ipi(apics[0], 1, 0x8500); // level de-assert: ignored
        assertEquals(0, apics[1].takeStartup());
        ipi(apics[0], 1, 0x4500);
        ipi(apics[0], 1, 0x4699);
        ipi(apics[0], 1, 0x46aa);
        assertEquals(LocalApic.STARTUP_INIT | LocalApic.STARTUP_SIPI | 0x99, apics[1].takeStartup());
    }

    @Test
    void initClearsAllButIdentity() {
        final LocalApic apic = x2(5);
        apic.receive(ApicBus.FIXED, 0x40, true);
        apic.write(ApicRegister.INITIAL_COUNT, 1000, 0);
        apic.init();
        assertTrue(apic.isX2());
        assertEquals(5, apic.read(ApicRegister.ID, 0));
        assertEquals(0x20, apic.read(ApicRegister.LDR, 0));
        assertEquals(0, apic.read(ApicRegister.IRR + 2, 0));
        assertEquals(0, apic.read(ApicRegister.INITIAL_COUNT, 0));
        assertEquals(0xff, apic.read(ApicRegister.SVR, 0));
    }

    @Test
    void nmi() {
        ipi(on(0), 1, 0x400);
        assertTrue(apics[1].takeNmi());
        assertFalse(apics[1].takeNmi());
    }

    @Test
    void errors() {
        // 11.5.3: latched by a write, told by the LVT error interrupt.
        final LocalApic apic = on(0);
        apic.write(ApicRegister.LVT_ERROR, 0xfe, 0);
        ipi(apic, 0, 0x05);
        assertEquals(0, apic.read(ApicRegister.ESR, 0));
        apic.write(ApicRegister.ESR, 0, 0);
        assertEquals(1 << 5, apic.read(ApicRegister.ESR, 0));
        assertEquals(0xfe, apic.acknowledge());
        bus.send(ApicBus.FIXED, 3, false, 0, false);
        apic.write(ApicRegister.ESR, 0, 0);
        assertEquals(1 << 6, apic.read(ApicRegister.ESR, 0));
        apic.read(((0x3f0 >> 4) & 1) | 0x3c, 0);
        apic.write(ApicRegister.ESR, 0, 0);
        assertEquals(1 << 7, apic.read(ApicRegister.ESR, 0));
    }

    @Test
    void messageSignalledInterrupts() {
        // 11.11
        on(2);
        assertTrue(bus.deliverMsi(0xfee0_2000L, 0x4055));
        assertEquals(0x55, apics[2].acknowledge());
        assertFalse(bus.deliverMsi(0xfed0_2000L, 0x55));
        assertTrue(bus.deliverMsi(0xfee0_2000L, 0x8056));
        assertEquals(0, apics[2].read(ApicRegister.IRR + 2, 0), "level de-assert is nothing");
        assertTrue(bus.deliverMsi(0xfee0_2000L, 0xc066));
        assertEquals(1 << 6, apics[2].read(ApicRegister.TMR + 3, 0));
    }

    @Test
    void whoeverSendsWakes() {
        on(0);
        on(1);
        woken.clear();
        ipi(apics[0], 1, 0x40);
        assertEquals(List.of(1), woken);
    }
}
