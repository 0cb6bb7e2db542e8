package io.jvmm.vcpu.board.pci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.sys.Poller;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a guest can do to the host with its MSI-X tables, and what a table may hold that is no interrupt. */
class MessagePaceTest {
    private static final int SLOT = 3;
    private static final int VECTORS = 3;

    private final FakeEngine engine = new FakeEngine();
    private final PciRig rig = new PciRig(engine, 1);
    private final PciRig.Plugged it = rig.plug(SLOT, PciRig.function(0, VECTORS, 2), List.of());
    private final Poller poller;
    private final long table;

    MessagePaceTest() {
        rig.assemble();
        rig.config(SLOT, 4, 2, 6);
        rig.config(SLOT, 0x42, 2, 0x8000);
        table = rig.bar(SLOT, 4);
        poller = new Poller(rig.bus().descriptors());
        rig.bus().watch(poller);
    }

    private void program(int vector, long address, int data) {
        rig.store(table + 16L * vector, 8, address);
        rig.store(table + 16L * vector + 8, 8, data & 0xFFFF_FFFFL);
    }

    private int changes() {
        return engine.messages.stream().mapToInt(m -> m.changes).sum();
    }

    /** The board thread goes on until nothing waits; how often it had to. */
    private void settle() {
        while (rig.bus().deafForNs(System.nanoTime()) != Long.MAX_VALUE) {
            poller.await(rig.bus().deafForNs(System.nanoTime()));
            rig.bus().serve(System.nanoTime());
        }
    }

    @Test
    void aTableRewrittenInALoopCostsABoundedNumberOfChanges() {
        final long begin = System.nanoTime();
        for (int i = 0; i < 20_000; i++) {
            program(i % VECTORS, 0xFEE0_0000L, 0x20 + i % 200);
        }
        // Each time it is sent elsewhere it may have been silenced once.
        final long periods = (System.nanoTime() - begin) / MessagePace.PERIOD_NS + 2;
        assertTrue(
                changes() <= 2 * MessagePace.CHANGES_PER_PERIOD * periods,
                () -> changes() + " changes in " + periods + " periods");
        assertTrue(rig.bus().deafForNs(System.nanoTime()) <= MessagePace.PERIOD_NS, "the board thread will look");
        settle();
        for (int vector = 0; vector < VECTORS; vector++) {
            assertEquals(rig.load(table + 16L * vector + 8, 4), engine.messages.get(vector).data, "in the end");
        }
    }

    /** Masking and unmasking costs as much as another message. */
    @Test
    void soDoesAMaskThatFlutters() {
        program(0, 0xFEE0_0000L, 0x41);
        final long begin = System.nanoTime();
        for (int i = 0; i < 20_000; i++) {
            rig.store(table + 12, 4, 1);
            rig.store(table + 12, 4, 0);
        }
        final long periods = (System.nanoTime() - begin) / MessagePace.PERIOD_NS + 2;
        assertTrue(changes() <= 2 * MessagePace.CHANGES_PER_PERIOD * periods, () -> changes() + " changes");
        settle();
        assertEquals("fee00000 41", engine.messages.getFirst().toString());
    }

    @Test
    void theSameAgainIsNoChange() {
        program(0, 0xFEE0_0000L, 0x41);
        final int before = changes();
        for (int i = 0; i < 1_000; i++) {
            program(0, 0xFEE0_0000L, 0x41);
            rig.config(SLOT, 4, 2, 6);
        }
        assertEquals(before, changes());
        assertEquals(Long.MAX_VALUE, rig.bus().deafForNs(System.nanoTime()));
    }

    /** A signal that stays in its line is pending, to the guest and in the machine's state, whatever it waits for. */
    @Test
    void whatWaitsIsPendingAndSaved() {
        program(0, 0xFEE0_0000L, 0x0241);
        it.lines().getFirst().signal();
        program(1, 0xFEE0_0000L, 0x42);
        for (int i = 0; !engine.messages.get(1).masked; i++) {
            program(1, 0xFEE0_0000L, 0x20 + i % 200);
        }
        it.lines().get(1).signal();
        assertEquals(3, rig.load(table + 0x800, 8));
        final byte[] saved = new byte[rig.bus().stateLengthBytes()];
        rig.bus().saveState(MemorySegment.ofArray(saved));

        final PciRig other = new PciRig(new FakeEngine(), 1);
        final PciRig.Plugged again = other.plug(SLOT, PciRig.function(0, VECTORS, 2), List.of());
        other.assemble().bus().loadState(MemorySegment.ofArray(saved));
        assertEquals(1, again.lines().getFirst().drain());
        assertEquals(1, again.lines().get(1).drain());
        assertEquals(0, again.lines().get(2).drain());
    }

    /** SDM 3A 11.11.1: bits 31:20 of the address are FEE, and the rest above is zero. 11.11.2: delivery modes 011 and 110 are reserved. */
    @ParameterizedTest
    @CsvSource({
        "fee00000, 0041, true",
        "feeff00c, c1ff, true",
        "fee00000, 0141, true",
        "fee00000, 0400, true",
        "fee00000, 0500, true",
        "fee00000, 0700, true",
        "fee00000, 0200, false",
        "fee00000, 0341, false",
        "fee00000, 0610, false",
        "00000000, 0041, false",
        "00100000, 0041, false",
        "fed00000, 0041, false",
        "fef00000, 0041, false",
        "1fee00000, 0041, false",
        "fee00000fee00000, 0041, false",
        "8000000000000000, 0041, false"
    })
    void messagesThatAreNoInterruptsAreNotSent(String address, String data, boolean sent) {
        program(1, Long.parseUnsignedLong(address, 16), Integer.parseInt(data, 16));
        assertEquals(!sent, engine.messages.get(1).masked);
        it.lines().get(1).signal();
        program(1, 0xFEE0_1000L, 0x51);
        assertEquals("fee01000 51", engine.messages.get(1).toString());
    }
}
