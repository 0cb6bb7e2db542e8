package io.jvmm.vcpu.board.pci;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.state.StatePrinter;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

/** What of PCI is in the machine's state: saved, loaded by another bus, damaged. */
class PciStateTest {
    private static final long SEED = TestSeed.next();

    private static PciRig rig(FakeEngine engine) {
        final PciRig rig = new PciRig(engine, 1);
        rig.plug(3, rig.device("net"), PciRig.function(0, 3, 2), 5, PciRig.virtioCapabilities());
        rig.plug(9, PciRig.function(0, 70, 64), PciRig.virtioCapabilities());
        return rig;
    }

    private static byte[] save(PciRig rig) {
        final byte[] bytes = new byte[rig.bus().stateLengthBytes()];
        rig.bus().saveState(MemorySegment.ofArray(bytes));
        return bytes;
    }

    /** A guest in the middle of its life: BARs moved, vectors of every kind, one pending, INTx asserted. */
    private static void live(PciRig rig) {
        rig.config(3, 4, 2, 6);
        rig.config(3, 0x10, 4, 0xD000_0000L);
        rig.config(3, 0x42, 2, 0x8000);
        rig.store(rig.bar(3, 4), 8, 0xFEE0_1000L);
        rig.store(rig.bar(3, 4) + 8, 8, 0x51);
        rig.plugged.getFirst().lines().get(2).signal();
        rig.config(9, 4, 2, 0x402);
        rig.config(9, 0x3C, 1, 11);
        rig.plugged.get(1).intx().signal();
        rig.lookAtIntx(1);
        rig.legacy(9, 0x40, 4);
    }

    @Test
    void anotherBusGoesOn() {
        final PciRig first = rig(new FakeEngine());
        assertEquals(first.bus().stateLengthBytes(), save(first).length, "before anything is declared");
        first.assemble();
        live(first);
        final byte[] saved = save(first);
        final FakeEngine engine = new FakeEngine();
        final PciRig second = rig(engine).assemble();
        second.bus().loadState(MemorySegment.ofArray(saved));
        assertArrayEquals(saved, save(second));
        assertEquals("fee01000 51", engine.messages.getFirst().toString());
        assertEquals(4, second.load(second.bar(3, 4) + 0x800, 8), "pending");
        assertEquals(0xD000_0000L, second.bar(3, 0));
        assertEquals(0x18, second.config(9, 6, 2), "INTx held back");
        assertEquals(0x8000_4840L, second.in(0xCF8, 4));
        // The BAR decodes where it was.
        second.store(0xD000_3000L, 2, 0);
        assertEquals(List.of("kick 0"), second.plugged.getFirst().device().heard());
    }

    @Test
    void inspectorsReadItByName() {
        final PciRig rig = rig(new FakeEngine()).assemble();
        live(rig);
        final UnsafeBuffer part = new UnsafeBuffer(save(rig));
        final List<String> lines = new ArrayList<>();
        StatePrinter.print(
                MemoryLayout.structLayout(PciStateLayout.of(part).withName("pci")), part, "pci.slot3", lines::add);
        final String all = String.join("\n", lines);
        assertTrue(all.contains("pci.slot3.config.bar[0]"), all);
        assertTrue(all.contains("pci.slot3.msix[4].control"), all);
        for (final int wrong : new int[] {8 + 2 * 3, 8 + 2 * 4}) {
            final byte[] damaged = save(rig);
            damaged[wrong] = 7;
            assertThrows(IllegalArgumentException.class, () -> PciStateLayout.of(new UnsafeBuffer(damaged)));
        }
        assertThrows(IllegalArgumentException.class, () -> PciStateLayout.of(new UnsafeBuffer(new byte[10])));
    }

    @Test
    void aStateOfOtherFunctionsIsRefused() {
        final PciRig rig = rig(new FakeEngine()).assemble();
        final byte[] saved = save(rig);
        final PciRig other = new PciRig(new FakeEngine(), 1);
        other.plug(3, PciRig.function(0, 3, 2), PciRig.virtioCapabilities());
        other.assemble();
        assertThrows(IllegalArgumentException.class, () -> other.bus().loadState(MemorySegment.ofArray(saved)));
        saved[584 + 8]++;
        final Exception e =
                assertThrows(IllegalArgumentException.class, () -> rig.bus().loadState(MemorySegment.ofArray(saved)));
        assertEquals(
                "not the state of a machine: net function 0 (slot 3), byte 0 of its configuration space",
                e.getMessage());
    }

    /** Any byte changed: refused with nothing changed, or a state that a guest could have made, which is saved as it was loaded. */
    @Test
    void damagedStates() {
        final Random random = new Random(SEED);
        final PciRig rig = rig(new FakeEngine()).assemble();
        live(rig);
        final byte[] good = save(rig);
        int refused = 0;
        for (int i = 0; i < 20_000; i++) {
            final byte[] bad = good.clone();
            for (int n = random.nextInt(3); n >= 0; n--) {
                bad[random.nextInt(bad.length)] ^= (byte) (1 << random.nextInt(8));
            }
            final byte[] before = save(rig);
            try {
                rig.bus().loadState(MemorySegment.ofArray(bad));
            } catch (IllegalArgumentException e) {
                refused++;
                assertArrayEquals(before, save(rig));
            }
        }
        assertTrue(refused > 1_000, "refused " + refused);
        assertEquals(0x1041_1AF4L, rig.legacy(3, 0, 4));
    }
}
