package io.jvmm.vcpu.board.pci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.jvmm.ipc.sys.Poller;
import io.jvmm.vcpu.board.PciMap;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** INTx to the 8259s: the PIRQ registers of the ISA bridge (Intel datasheet 316972, §13.1.17 and §13.1.19). */
class PirqTest {
    private static final int BRIDGE = 31;
    private static final int PIRQ_A = 0x60;
    private static final int PIRQ_E = 0x68;
    private static final int NOT_ROUTED = 0x80;

    /** On PIRQD# and PIRQG#. */
    private static final int SLOT = 3;

    private static final int OTHER = 6;

    private final FakeEngine engine = new FakeEngine();
    private final PciRig rig = new PciRig(engine, 1);
    private final PciRig.Plugged it = rig.plug(SLOT, PciRig.function(0, 1, 1), List.of());
    private final PciRig.Plugged other = rig.plug(OTHER, PciRig.function(0, 1, 1), List.of());
    private final Poller poller;

    PirqTest() {
        rig.assemble();
        poller = new Poller(rig.bus().descriptors());
        rig.bus().watch(poller);
    }

    private long asserted(int gsi) {
        poller.await(0);
        rig.bus().serve(System.nanoTime());
        return Objects.requireNonNull(engine.pins.get(gsi)).line().drain();
    }

    private void end(int gsi) {
        Objects.requireNonNull(engine.pins.get(gsi)).ended().signal();
        poller.await(0);
        rig.bus().serve(System.nanoTime());
    }

    @Test
    void registersAfterReset() {
        assertEquals(0x2918_8086L, rig.config(BRIDGE, 0, 4));
        assertEquals(0x0601_0002L, rig.config(BRIDGE, 8, 4) & 0xFFFF_00FFL);
        assertEquals(0x8080_8080L, rig.config(BRIDGE, PIRQ_A, 4));
        assertEquals(0x8080_8080L, rig.config(BRIDGE, PIRQ_E, 4));
        rig.config(BRIDGE, PIRQ_A, 4, 0xFFFF_FFFFL);
        assertEquals(0x8F8F_8F8FL, rig.config(BRIDGE, PIRQ_A, 4), "reserved bits");
        rig.config(BRIDGE, 0x64, 4, 0xFFFF_FFFFL);
        assertEquals(0, rig.config(BRIDGE, 0x64, 4), "nothing between them");
    }

    @Test
    void theSlotOfTheBridgeIsTaken() {
        final PciRig full = new PciRig(new FakeEngine(), 1);
        full.plug(BRIDGE, PciRig.function(0, 1, 1), List.of());
        assertThrows(IllegalArgumentException.class, full::bus);
    }

    @Test
    void anInterruptGoesToThePinAlwaysAndToTheLineWhileItIsRouted() {
        it.intx().signal();
        assertEquals(1, asserted(19));
        assertEquals(0, asserted(5) + asserted(10) + asserted(11));
        // What is asserted already is, at the line that it is routed to now.
        rig.config(BRIDGE, PIRQ_A + 3, 1, 11);
        assertEquals(1, asserted(11));
        end(11);
        assertEquals(1, it.again().drain(), "asked after an end at the 8259s");
        assertEquals(0, other.again().drain(), "which is not on it");
        it.intx().signal();
        assertEquals(1, asserted(11));
        rig.config(BRIDGE, PIRQ_A + 3, 1, NOT_ROUTED | 11);
        end(19);
        it.again().drain();
        it.intx().signal();
        assertEquals(0, asserted(11));
    }

    @Test
    void functionsShareALine() {
        rig.config(BRIDGE, PIRQ_A + 3, 1, 10);
        rig.config(BRIDGE, PIRQ_E + 2, 1, 10);
        it.intx().signal();
        other.intx().signal();
        assertEquals(2, asserted(10));
        end(10);
        assertEquals(1, it.again().drain());
        assertEquals(1, other.again().drain());
    }

    /** §13.1.17: 0, 1, 2, 8 and 13 are reserved; and to what another device of the board has, nothing is routed either. */
    @Test
    void linesThatPciDoesNotHave() {
        for (int line = 0; line < 16; line++) {
            rig.config(BRIDGE, PIRQ_A + 3, 1, line);
            it.intx().signal();
            asserted(19);
            if ((PciMap.PIC_LINES & 1 << line) == 0) {
                assertFalse(engine.pins.containsKey(line));
            } else {
                assertNotEquals(0, asserted(line));
            }
        }
        assertEquals(0b1100_0010_0000, PciMap.PIC_LINES, "what SeaBIOS and Linux take, and one more");
    }

    @Test
    void routesAreInTheState() {
        rig.config(BRIDGE, PIRQ_A + 3, 1, 10);
        final byte[] state = new byte[rig.bus().stateLengthBytes()];
        rig.bus().saveState(MemorySegment.ofArray(state));
        rig.config(BRIDGE, PIRQ_A + 3, 1, NOT_ROUTED);
        rig.bus().loadState(MemorySegment.ofArray(state));
        it.intx().signal();
        assertEquals(1, asserted(10));
    }
}
