package io.jvmm.vcpu.x86.apic;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** 82093AA data sheet, and the wiring of a PC, through {@link Chipset}. */
class IoApicTest {
    private static final int LEVEL = 0x8000;
    private static final int MASKED = 0x1_0000;

    private final ApicBus bus = new ApicBus(2);
    private final LocalApic apic = new LocalApic(0, bus, () -> {});
    private final LocalApic other = new LocalApic(1, bus, () -> {});
    private final List<Integer> acknowledged = new ArrayList<>();
    private final Chipset chipset = new Chipset(bus, acknowledged::add);

    @BeforeEach
    void enable() {
        apic.write(ApicRegister.SVR, 0x1ff, 0);
        other.write(ApicRegister.SVR, 0x1ff, 0);
    }

    private void write(int register, int value) {
        chipset.writeIoapic(0, 4, register);
        chipset.writeIoapic(0x10, 4, value);
    }

    private int read(int register) {
        chipset.writeIoapic(0, 1, register);
        return (int) chipset.readIoapic(0x10, 4);
    }

    private void entry(int pin, int low, int destination) {
        write(0x11 + 2 * pin, destination << 24);
        write(0x10 + 2 * pin, low);
    }

    @Test
    void registers() {
        assertEquals(0x0017_0020, read(1));
        write(0, 0x0f00_0000);
        assertEquals(0x0f00_0000, read(0));
        assertEquals(MASKED, read(0x10));
        entry(3, 0xffff_ffff, 0x12);
        assertEquals(0x1_afff, read(0x16), "delivery status and remote IRR cannot be written");
        assertEquals(0x1200_0000, read(0x17));
        assertEquals(0, read(0x40), "there is no pin 24");
    }

    @Test
    void edges() {
        entry(4, 0x34, 1);
        chipset.pulse(4);
        assertEquals(0x34, other.acknowledge());
        assertFalse(apic.isInterruptPending());
        entry(4, 0x34 | MASKED, 1);
        other.write(ApicRegister.EOI, 0, 0);
        chipset.pulse(4);
        assertFalse(other.isInterruptPending());
        entry(4, 0x34, 1);
        assertFalse(other.isInterruptPending(), "an edge behind the mask is lost");
    }

    @Test
    void theTimerIsOnPin2() {
        entry(2, 0x30, 0);
        chipset.writePort(0x43, 0x34, 0);
        chipset.writePort(0x40, 100, 0);
        chipset.writePort(0x40, 0, 0);
        final long due = chipset.nextDeadlineNs();
        chipset.tick(due - 1);
        assertFalse(apic.isInterruptPending());
        chipset.tick(due);
        assertEquals(0x30, apic.acknowledge());
        assertTrue(chipset.nextDeadlineNs() > due);
    }

    @Test
    void levelsWithRemoteIrr() {
        entry(9, 0x59 | LEVEL, 0);
        chipset.assertLevel(9);
        assertEquals(0x59, apic.acknowledge());
        assertEquals(0x4000, read(0x22) & 0x4000);
        chipset.assertLevel(9);
        assertFalse(apic.isInterruptPending());
        apic.write(ApicRegister.EOI, 0, 0);
        assertEquals(List.of(9), acknowledged, "the end drops the pin and asks the device");
        assertEquals(0, read(0x22) & 0x4000);
        assertFalse(apic.isInterruptPending());
        chipset.assertLevel(9);
        assertEquals(0x59, apic.acknowledge());
    }

    @Test
    void aLevelWaitsBehindItsMask() {
        entry(10, 0x5a | LEVEL | MASKED, 0);
        chipset.assertLevel(10);
        assertFalse(apic.isInterruptPending());
        entry(10, 0x5a | LEVEL, 0);
        assertTrue(apic.isInterruptPending());
    }

    @Test
    void directedEnd() {
        entry(9, 0x59 | LEVEL, 0);
        apic.write(ApicRegister.SVR, 0x11ff, 0);
        chipset.assertLevel(9);
        apic.acknowledge();
        apic.write(ApicRegister.EOI, 0, 0);
        assertEquals(List.of(), acknowledged);
        chipset.writeIoapic(0x40, 4, 0x59);
        assertEquals(List.of(9), acknowledged);
    }

    @Test
    void nmiThroughAPin() {
        entry(20, 0x400, 1);
        chipset.pulse(20);
        assertTrue(other.takeNmi());
        assertFalse(apic.takeNmi());
    }

    @Test
    void the8259sReachTheBootProcessorThroughItsVirtualWire() {
        chipset.writePort(0x20, 0x11, 0);
        chipset.writePort(0x21, 0x30, 0);
        chipset.writePort(0x21, 4, 0);
        chipset.writePort(0x21, 1, 0);
        apic.wireAsFirmware();
        other.wireAsFirmware();
        assertTrue(apic.acceptsExternal());
        assertFalse(other.acceptsExternal());
        chipset.pulse(4);
        assertTrue(chipset.picInterrupt());
        assertEquals(0x34, chipset.acknowledgePic(0));
        assertFalse(chipset.picInterrupt());
    }

    @Test
    void anEndAtThe8259sAcknowledgesToo() {
        chipset.writePort(0x20, 0x11, 0);
        chipset.writePort(0x21, 0x30, 0);
        chipset.writePort(0x21, 4, 0);
        chipset.writePort(0x21, 1, 0);
        chipset.writePort(0x4d0, 1 << 5, 0);
        chipset.assertLevel(5);
        assertEquals(0x35, chipset.acknowledgePic(0));
        chipset.writePort(0x20, 0x20, 0);
        assertEquals(List.of(5), acknowledged);
        assertFalse(chipset.picInterrupt());
    }

    @Test
    void aLevelThatNobodyAcceptsIsSentAgain() {
        other.write(ApicRegister.SVR, 0xff, 0);
        entry(9, LEVEL | 0x59, 1);
        chipset.assertLevel(9);
        assertEquals(LEVEL | 0x59, read(0x22), "no remote IRR: nobody has accepted it");
        other.write(ApicRegister.SVR, 0x1ff, 0);
        assertEquals(0x59, other.acknowledge());
        assertEquals(LEVEL | 0x4000 | 0x59, read(0x22));
        other.write(ApicRegister.EOI, 0, 0);
        assertEquals(List.of(9), acknowledged);
        assertEquals(LEVEL | 0x59, read(0x22));
    }

    @Test
    void aVectorThatIsNoneDoesNotBlockThePin() {
        entry(9, LEVEL | 0x05, 1);
        chipset.assertLevel(9);
        assertEquals(LEVEL | 0x05, read(0x22));
        entry(9, LEVEL | 0x59, 1);
        assertEquals(0x59, other.acknowledge());
    }
}
