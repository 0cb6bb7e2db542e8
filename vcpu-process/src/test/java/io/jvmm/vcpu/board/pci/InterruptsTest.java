package io.jvmm.vcpu.board.pci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import com.sun.management.ThreadMXBean;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.vcpu.board.PciMap;
import java.lang.management.ManagementFactory;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** MSI-X (PCI 3.0 §6.8.2) and INTx (§6.2.2 to §6.2.4) of a function in slot 3. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class InterruptsTest {
    private static final int SLOT = 3;
    private static final int COMMAND = 4;
    private static final int STATUS = 6;
    private static final int MEMORY = 2;
    private static final int MASTER = 4;
    private static final int NO_INTX = 0x400;
    private static final int CONTROL = 0x42;
    private static final int ENABLE = 0x8000;
    private static final int FUNCTION_MASK = 0x4000;
    private static final int PBA = 0x800;

    private final FakeEngine engine = new FakeEngine();
    private final PciRig rig = new PciRig(engine, 1);
    private final PciRig.Plugged it = rig.plug(SLOT, PciRig.function(0, 3, 2), PciRig.virtioCapabilities());
    private final long table = table();
    private final Poller poller = new Poller(rig.bus().descriptors());

    InterruptsTest() {
        rig.bus().watch(poller);
    }

    private long table() {
        rig.assemble();
        rig.config(SLOT, COMMAND, 2, MEMORY | MASTER);
        return rig.bar(SLOT, 4);
    }

    private void program(int vector, long address, int data, int control) {
        rig.store(table + 16L * vector, 4, address);
        rig.store(table + 16L * vector + 4, 4, address >>> 32);
        rig.store(table + 16L * vector + 8, 4, data);
        rig.store(table + 16L * vector + 12, 4, control);
    }

    private List<String> messages() {
        return engine.messages.stream().map(Object::toString).toList();
    }

    private long pending() {
        return rig.load(table + PBA, 8);
    }

    /** §6.8.2.3, §6.8.2.4, §6.8.2.5: the capability says where table and pending bits are. */
    @Test
    void pci30Section6823Capability() {
        assertEquals(0x11, rig.config(SLOT, 0x40, 1));
        assertEquals(2, rig.config(SLOT, CONTROL, 2), "three vectors, off");
        assertEquals(4, rig.config(SLOT, 0x44, 4), "table in BAR 4");
        assertEquals(PBA | 4, rig.config(SLOT, 0x48, 4));
        rig.config(SLOT, CONTROL, 2, 0xFFFF);
        assertEquals(ENABLE | FUNCTION_MASK | 2, rig.config(SLOT, CONTROL, 2));
        rig.config(SLOT, 0x44, 4, 0xFFFF_FFFFL);
        assertEquals(4, rig.config(SLOT, 0x44, 4));
    }

    /** §6.8.2.6 to §6.8.2.9: after reset vectors are masked; reserved bits are not kept. */
    @Test
    void pci30Section6829TableEntries() {
        for (int vector = 0; vector < 3; vector++) {
            assertEquals(1, rig.load(table + 16L * vector + 12, 4));
            assertEquals(0, rig.load(table + 16L * vector, 8));
        }
        program(1, 0x1_FEE0_1007L, 0x1234_5678, 0xFFFF_FFFE);
        assertEquals(0x1_FEE0_1004L, rig.load(table + 16, 8));
        assertEquals(0x1234_5678L, rig.load(table + 24, 8), "and not masked");
        rig.store(table + 32, 8, 0xFFFF_FFFF_FEE0_2000L);
        rig.store(table + 40, 8, 0x1_0000_0041L);
        assertEquals(0x1_0000_0041L, rig.load(table + 40, 8), "64-bit accesses");
        assertEquals(0xFEE0_2000L, rig.load(table + 32, 4));
        assertEquals(0x41, rig.load(table + 40, 1));
        rig.store(table + 40, 1, 0x55);
        rig.store(table + 40, 2, 0x5555);
        assertEquals(0x41, rig.load(table + 40, 4), "narrower writes are undefined: ignored");
        assertEquals(0, rig.load(table + 48, 8), "nothing behind the last entry");
        rig.store(table + 48, 8, -1L);
        rig.store(table + PBA, 8, -1L);
        assertEquals(0, rig.load(table + PBA, 8));
        assertEquals(0, rig.load(table + 0xFF8, 8));
    }

    /** A message is sent only when everything lets it: the enable bit, both masks, bus mastering (§6.2.2). */
    @Test
    void pci30Section6822Masks() {
        program(0, 0xFEE0_0000L, 0x41, 0);
        program(1, 0xFEE0_1000L, 0x42, 1);
        assertEquals(List.of("masked", "masked", "masked"), messages(), "not enabled");
        rig.config(SLOT, CONTROL, 2, ENABLE);
        assertEquals(List.of("fee00000 41", "masked", "masked"), messages());
        rig.store(table + 28, 4, 0);
        assertEquals(List.of("fee00000 41", "fee01000 42", "masked"), messages());
        rig.config(SLOT, CONTROL, 2, ENABLE | FUNCTION_MASK);
        assertEquals(List.of("masked", "masked", "masked"), messages());
        rig.config(SLOT, CONTROL, 2, ENABLE);
        rig.store(table + 8, 4, 0x51);
        assertEquals(List.of("fee00000 51", "fee01000 42", "masked"), messages());
        rig.config(SLOT, COMMAND, 2, MEMORY);
        assertEquals(List.of("masked", "masked", "masked"), messages(), "no bus master");
        rig.config(SLOT, COMMAND, 2, MEMORY | MASTER);
        assertEquals(List.of("fee00000 51", "fee01000 42", "masked"), messages());
        rig.config(SLOT, CONTROL, 2, 0);
        assertEquals(List.of("masked", "masked", "masked"), messages());
    }

    /** §6.8.3.2: a vector that is masked becomes pending. */
    @Test
    void pci30Section6832PendingBits() {
        rig.config(SLOT, CONTROL, 2, ENABLE);
        program(0, 0xFEE0_0000L, 0x41, 0);
        assertEquals(0, pending());
        it.lines().get(2).signal();
        assertEquals(4, pending());
        assertEquals(4, pending(), "looking does not change it");
        it.lines().get(1).signal();
        it.lines().get(0).signal();
        assertEquals(6, pending(), "a vector that is not masked is the engine's");
        assertEquals(6, rig.load(table + PBA, 4));
        assertEquals(0, rig.load(table + PBA + 4, 4));
        assertEquals(6, rig.load(table + PBA, 1));
        rig.config(SLOT, CONTROL, 2, ENABLE | FUNCTION_MASK);
        assertEquals(7, pending());
        it.lines().get(2).drain();
        assertEquals(3, pending(), "sent, or taken back");
        rig.config(SLOT, CONTROL, 2, 0);
        assertEquals(0, pending());
        rig.config(SLOT, CONTROL, 2, ENABLE);
        assertEquals(0, pending(), "what was signalled before MSI-X was used is no message");
    }

    // ---- INTx ----

    private FakeEngine.Pin pin() {
        final FakeEngine.Pin pin = engine.pins.get(PciMap.gsi(SLOT, 0));
        assertNotNull(pin);
        return pin;
    }

    private long asserted() {
        poller.await(0);
        rig.bus().serve(System.nanoTime());
        return pin().line().drain();
    }

    private long status() {
        return rig.config(SLOT, STATUS, 2) & 8;
    }

    /** §6.2.3: the status bit says what the device asserts, whether or not it is let through. */
    @Test
    void pci30Section623InterruptStatus() {
        assertEquals(0, status());
        it.intx().signal();
        assertEquals(1, asserted());
        assertEquals(8, status());
        assertEquals(0x18_0006L, rig.config(SLOT, COMMAND, 4), "in a 32-bit read too");
        assertEquals(0x18, rig.legacy(SLOT, STATUS, 1));
        // The guest has ended the interrupt: the device is asked again, and asserts no more.
        pin().ended().signal();
        assertEquals(0, asserted());
        assertEquals(1, it.again().drain());
        assertEquals(0, status());
        // Or it does.
        it.intx().signal();
        assertEquals(1, asserted());
        pin().ended().signal();
        asserted();
        assertEquals(1, it.again().drain());
        it.intx().signal();
        assertEquals(1, asserted());
    }

    /** §6.2.2: INTx Disable. What was held back comes when it is allowed. */
    @Test
    void pci30Section622InterruptDisable() {
        rig.config(SLOT, COMMAND, 2, MEMORY | MASTER | NO_INTX);
        it.intx().signal();
        assertEquals(0, asserted());
        assertEquals(8, status());
        rig.config(SLOT, COMMAND, 2, MEMORY | MASTER);
        assertEquals(1, asserted());
    }

    /** §6.8.3.3: a function that uses MSI-X does not use its pin. */
    @Test
    void pci30Section6833MsixInsteadOfThePin() {
        rig.config(SLOT, CONTROL, 2, ENABLE);
        it.intx().signal();
        assertEquals(0, asserted());
        rig.config(SLOT, CONTROL, 2, 0);
        assertEquals(1, asserted());
    }

    /** virtio 1.2 §4.1.4.5: reading ISR deasserts, and is how a driver without MSI-X acknowledges. */
    @Test
    void virtio12Section4145ReadingIsrDeasserts() {
        rig.config(SLOT, COMMAND, 2, MEMORY | MASTER | NO_INTX);
        it.intx().signal();
        asserted();
        assertEquals(8, status());
        it.device().boardEnd.giveUp(1);
        rig.load(rig.bar(SLOT, 0) + PciRig.ISR, 1);
        assertEquals(0, status());
        rig.config(SLOT, COMMAND, 2, MEMORY | MASTER);
        assertEquals(0, asserted());
    }

    /** Two functions on one pin: both are asked. */
    @Test
    void pinsAreShared() {
        final FakeEngine other = new FakeEngine();
        final PciRig two = new PciRig(other, 1);
        final PciRig.Plugged first = two.plug(2, PciRig.function(0, 1, 1), List.of());
        final PciRig.Plugged second = two.plug(10, PciRig.function(0, 1, 1), List.of());
        two.assemble();
        assertEquals(List.of(5, 10, 11, 18), List.copyOf(other.pins.keySet()));
        final Poller its = new Poller(two.bus().descriptors());
        two.bus().watch(its);
        first.intx().signal();
        second.intx().signal();
        its.await(0);
        two.bus().serve(System.nanoTime());
        final FakeEngine.Pin pin = other.pins.get(18);
        assertNotNull(pin);
        assertEquals(2, pin.line().drain());
        pin.ended().signal();
        its.await(0);
        two.bus().serve(System.nanoTime());
        assertEquals(1, first.again().drain());
        assertEquals(1, second.again().drain());
    }

    /** A device that signals without end costs the board thread a bounded share. */
    @Test
    void aFloodOfInterruptsIsNotListenedTo() {
        final long begin = System.nanoTime() + 1_000_000_000L;
        int heard = 0;
        for (int i = 0; i < 10_000; i++) {
            it.intx().signal();
            poller.await(0);
            rig.bus().serve(begin);
            heard += pin().line().drain() != 0 ? 1 : 0;
        }
        assertEquals(512, heard);
        assertEquals(10_000_000, rig.bus().deafForNs(begin));
        rig.bus().serve(begin + 10_000_000);
        poller.await(0);
        rig.bus().serve(begin + 10_000_000);
        assertEquals(1, pin().line().drain(), "it is heard again");
    }

    @Test
    void theGuestsOrdinaryAccessesAllocateNothing() {
        final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        rig.config(SLOT, CONTROL, 2, ENABLE);
        long least = Long.MAX_VALUE;
        for (int window = 0; window < 5 && least > 0; window++) {
            it.device().serve();
            it.device().heard();
            final long before = threads.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < 50; i++) {
                program(i % 3, 0xFEE0_0000L, 0x40 + i, i & 1);
                pending();
                rig.config(SLOT, STATUS, 2);
                rig.legacy(SLOT, 0, 4);
                rig.store(rig.bar(SLOT, 0) + PciRig.NOTIFY, 2, 0);
            }
            least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
        }
        assertEquals(0, least);
    }
}
