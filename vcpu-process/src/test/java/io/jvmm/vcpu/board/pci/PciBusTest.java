package io.jvmm.vcpu.board.pci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.counters.BoardCounter;
import io.jvmm.ipc.link.LinkHealth;
import io.jvmm.ipc.ring.Violation;
import io.jvmm.vcpu.board.PciMap;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Configuration space, BARs and doorbells, clause by clause. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class PciBusTest {
    private static final int SLOT = 3;
    private static final int COMMAND = 4;
    private static final int MEMORY = 2;
    private static final int MASTER = 4;

    private final FakeEngine engine = new FakeEngine();
    private final PciRig rig = new PciRig(engine, 2);

    /** A network function with three vectors and two virtqueues in slot 3. */
    private PciRig.Plugged one() {
        final PciRig.Plugged it = rig.plug(SLOT, PciRig.function(0, 3, 2), PciRig.virtioCapabilities());
        rig.assemble();
        return it;
    }

    // ---- PCI 3.0 §3.2.2.3: configuration mechanism #1 ----

    @Test
    void pci30Section3223AddressAndDataPorts() {
        one();
        assertEquals(0x29C0_8086L, rig.legacy(0, 0, 4));
        assertEquals(0x1041_1AF4L, rig.legacy(SLOT, 0, 4));
        assertEquals(0x1041, rig.legacy(SLOT, 2, 2));
        assertEquals(0x10, rig.legacy(SLOT, 3, 1));
        assertEquals(0x8000_1800L, rig.in(0xCF8, 4));
        rig.out(0xCFC + 1, 1, 0xAB);
        assertEquals(0x1041_1AF4L, rig.in(0xCFC, 4), "read-only");
        rig.legacy(SLOT, 0x3C, 1);
        rig.out(0xCFC, 1, 0x5A);
        assertEquals(0x5A, rig.config(SLOT, 0x3C, 1));
    }

    @Test
    void pci30Section3223TheAddressRegisterIsADoubleWord() {
        one();
        rig.legacy(SLOT, 0, 4);
        rig.out(0xCF8, 2, 0);
        rig.out(0xCFB, 1, 0);
        assertEquals(0x1041_1AF4L, rig.in(0xCFC, 4), "narrow writes went elsewhere");
        assertEquals(0xFF, rig.in(0xCF8, 1));
        rig.out(0xCF8, 4, 0x0000_1800);
        assertEquals(0xFFFF_FFFFL, rig.in(0xCFC, 4), "not enabled");
        rig.out(0xCF8, 4, 0xFFFF_FFFFL);
        assertEquals(0x80FF_FFFCL, rig.in(0xCF8, 4), "reserved bits");
        assertEquals(0xFFFF, rig.in(0xCFE, 2), "no such function");
    }

    /** PCI 3.0 §6.1: a function that is not there reads all ones. PCI Express 4.0 §7.2.2: where it is in ECAM. */
    @Test
    void pcie40Section722OnlyWhatIsThereAnswers() {
        one();
        assertEquals(0x29C0_8086L, rig.config(0, 0, 4));
        for (int function = 0; function < 8; function++) {
            for (int slot = 0; slot < 32; slot++) {
                final long id = rig.load(PciRig.ecam(slot, 0) + ((long) function << 12), 4);
                final boolean there = function == 0 && (slot == 0 || slot == SLOT || slot == 31);
                assertEquals(!there, id == 0xFFFF_FFFFL, slot + "." + function);
            }
        }
        assertEquals(0xFFFF_FFFFL, rig.load(PciMap.ECAM_START + (1 << 20), 4), "bus 1");
        assertEquals(0xFFFF_FFFFL, rig.load(PciMap.ECAM_START + PciMap.ECAM_BYTES - 4, 4));
        assertEquals(0xFFFF_FFFFL, rig.config(SLOT, 0x100, 4), "no extended space");
        assertEquals(-1L, rig.config(SLOT, 0, 8), "8 bytes are no configuration access");
        assertEquals(0xFFFF, rig.config(SLOT, 1, 2), "nor is one that is not aligned");
        rig.config(SLOT, 0x3C, 8, 0);
        assertEquals(0xFF, rig.config(SLOT, 0x3C, 1));
    }

    // ---- PCI 3.0 §6.2: the header ----

    @Test
    void pci30Section62Header() {
        one();
        assertEquals(0x020000_01L, rig.config(SLOT, 8, 4), "class and revision");
        assertEquals(0, rig.config(SLOT, 0x0E, 1), "one function, type 0");
        assertEquals(0x1041_1AF4L, rig.config(SLOT, 0x2C, 4));
        assertEquals(1, rig.config(SLOT, 0x3D, 1), "INTA#");
        assertEquals(0x10, rig.config(SLOT, 6, 2), "capabilities, no interrupt");
        rig.config(SLOT, COMMAND, 4, 0xFFFF_FFFFL);
        assertEquals(0x0406, rig.config(SLOT, COMMAND, 2), "memory, master, INTx disable");
        assertEquals(0x10, rig.config(SLOT, 6, 2), "status is read-only");
        for (final int readOnly : new int[] {0, 8, 0x2C, 0x30, 0x34, 0x38}) {
            final long before = rig.config(SLOT, readOnly, 4);
            rig.config(SLOT, readOnly, 4, ~before);
            assertEquals(before, rig.config(SLOT, readOnly, 4), "register " + readOnly);
        }
    }

    /** §6.7: the list ends, and has MSI-X and all that the device has declared, byte for byte. */
    @Test
    void pci30Section67Capabilities() {
        one();
        final List<String> found = new ArrayList<>();
        int at = (int) rig.config(SLOT, 0x34, 1);
        for (int i = 0; at != 0 && i < 48; i++) {
            assertEquals(0, at & 3);
            found.add(Long.toHexString(rig.config(SLOT, at, 1)) + "." + rig.config(SLOT, at + 3, 1));
            if (rig.config(SLOT, at, 1) == 9) {
                final byte[] declared = PciRig.virtioCapabilities().get(found.size() - 2);
                for (int b = 2; b < declared.length; b++) {
                    assertEquals(declared[b] & 0xFF, rig.config(SLOT, at + b, 1));
                }
            }
            at = (int) rig.config(SLOT, at + 1, 1);
        }
        assertEquals(List.of("11.0", "9.1", "9.3", "9.4", "9.2", "9.5"), found);
    }

    // ---- PCI 3.0 §6.2.5: base addresses ----

    @Test
    void pci30Section6251SizingAndMoving() {
        final PciRig.Plugged it = one();
        rig.answering();
        final long bar = rig.bar(SLOT, 0);
        assertEquals(PciMap.WINDOW_START, bar, "assigned");
        assertEquals(PciMap.WINDOW_START + PciRig.BAR_BYTES, rig.bar(SLOT, 4));
        assertEquals(0xFFFF_FFFFL, rig.load(bar + 8, 4), "memory is not enabled");
        rig.config(SLOT, COMMAND, 2, MEMORY);
        assertEquals(PciRig.answer(0, 8), rig.load(bar + 8, 4));
        rig.config(SLOT, 0x10, 4, 0xFFFF_FFFFL);
        assertEquals(0xFFFF_C000L, rig.config(SLOT, 0x10, 4), "16 KiB of 32-bit memory, not prefetchable");
        assertEquals(0xFFFF_FFFFL, rig.load(bar + 8, 4), "gone meanwhile");
        rig.config(SLOT, 0x20, 4, 0xFFFF_FFFFL);
        assertEquals(0xFFFF_F000L, rig.config(SLOT, 0x20, 4));
        for (final int other : new int[] {0x14, 0x18, 0x1C, 0x24}) {
            rig.config(SLOT, other, 4, 0xFFFF_FFFFL);
            assertEquals(0, rig.config(SLOT, other, 4), "no BAR there");
        }
        rig.config(SLOT, 0x10, 4, 0xD123_4567L);
        assertEquals(0xD123_4000L, rig.bar(SLOT, 0));
        assertEquals(PciRig.answer(0, 0x1238), rig.load(0xD123_5238L, 4));
        rig.store(0xD123_4014L, 1, 0x1FF);
        assertEquals(List.of("w0+14.1=1ff"), it.device().heard());
        rig.config(SLOT, COMMAND, 2, 0);
        assertEquals(0xFF, rig.load(0xD123_4014L, 1));
    }

    @Test
    void twoBarsAtOnePlaceTheLowerSlotDecodes() {
        rig.plug(SLOT, PciRig.function(0, 1, 1), PciRig.virtioCapabilities());
        rig.plug(SLOT + 1, PciRig.function(5, 1, 1), PciRig.virtioCapabilities());
        rig.assemble().answering();
        rig.config(SLOT, COMMAND, 2, MEMORY);
        rig.config(SLOT + 1, COMMAND, 2, MEMORY);
        final long bar = rig.bar(SLOT, 0);
        assertEquals(PciRig.answer(5, 8), rig.load(rig.bar(SLOT + 1, 0) + 8, 4));
        rig.config(SLOT + 1, 0x10, 4, bar);
        assertEquals(PciRig.answer(0, 8), rig.load(bar + 8, 4));
        rig.config(SLOT, 0x10, 4, bar + 0x10_0000);
        assertEquals(PciRig.answer(5, 8), rig.load(bar + 8, 4));
        rig.config(SLOT + 1, 0x10, 4, PciMap.ECAM_START);
        assertEquals(0x29C0_8086L, rig.config(0, 0, 4), "ECAM goes first");
        rig.config(SLOT + 1, 0x10, 4, 0xFEE0_0000L);
        rig.config(SLOT + 1, 0x10, 4, 0x1000);
        rig.config(SLOT + 1, 0x10, 4, 0);
        assertEquals(0x1041, rig.config(SLOT + 1, 2, 2), "wherever it goes, it can be fetched back");
    }

    /** PCIEXBAR of Intel's Q35: firmware puts ECAM at b0000000. */
    @Test
    void q35PciexbarMovesEcam() {
        one();
        rig.config(0, 0x60, 4, 0);
        assertEquals(0xFFFF_FFFFL, rig.config(0, 0, 4), "off");
        rig.legacy(0, 0x60, 4);
        rig.out(0xCFC, 4, 0xB000_0001L);
        assertEquals(0x29C0_8086L, rig.load(0xB000_0000L, 4));
        assertEquals(0x1041_1AF4L, rig.load(0xB000_0000L + (SLOT << 15), 4));
        rig.store(0xB000_0060L, 4, 0xB000_0005L);
        assertEquals(0xFFFF_FFFFL, rig.load(0xB400_0000L, 4), "64 MiB now");
        rig.store(0xB000_0064L, 4, 0xF);
        assertEquals(0xFFFF_FFFFL, rig.load(0xB000_0000L, 4), "above 4 GiB, where nobody decodes");
    }

    // ---- virtio 1.2 §4.1.4.4: doorbells ----

    @Test
    void virtio12Section4144ADoorbellIsAKick() {
        final PciRig.Plugged it = rig.plug(SLOT, PciRig.function(2, 3, 2), PciRig.virtioCapabilities());
        rig.assemble();
        final long bells = rig.bar(SLOT, 0) + PciRig.NOTIFY;
        rig.config(SLOT, COMMAND, 2, MEMORY | MASTER);
        rig.store(bells, 2, 0);
        rig.store(bells + 4, 2, 1);
        rig.store(bells + 4, 4, 0x1234_0001);
        assertEquals(List.of("kick 200", "kick 201", "kick 201"), it.device().heard());
        rig.store(bells + 8, 2, 2);
        rig.store(bells + 6, 2, 1);
        rig.store(bells + 0xFFC, 4, 1);
        assertEquals(List.of(), it.device().heard(), "no such virtqueue");
        rig.config(SLOT, COMMAND, 2, MEMORY);
        rig.store(bells, 2, 0);
        assertEquals(List.of(), it.device().heard(), "it may not read its virtqueues");
        assertEquals(4, rig.bus().counters().get(BoardCounter.KICKS_DROPPED));
    }

    /** String instructions on the data port reach the device through its window: their one deadline must reach it, too. */
    @Test
    void aSlowDeviceBehindTheWindowIsGivenUp() {
        final PciRig.Plugged it = one();
        int window = (int) rig.config(SLOT, 0x34, 1);
        while (rig.config(SLOT, window, 1) != 9 || rig.config(SLOT, window + 3, 1) != 5) {
            window = (int) rig.config(SLOT, window + 1, 1);
        }
        rig.legacy(SLOT, window, 4);
        rig.maps().ports().giveUp(0xCFC, 4, 5_000_000_000L);
        assertEquals(LinkHealth.CONNECTED, it.device().boardEnd.health(), "a register of the board's");
        rig.out(0xCF8, 4, 0x8000_0000L | SLOT << 11 | (window + 16));
        rig.maps().ports().giveUp(0xCFC, 4, 5_000_000_000L);
        assertEquals(LinkHealth.HUNG, it.device().boardEnd.health());
    }

    /** §4.1.4.9: the window on BAR 0 works before BARs do. */
    @Test
    void virtio12Section4149ConfigurationAccessCapability() {
        final PciRig.Plugged it = one();
        rig.answering();
        int window = (int) rig.config(SLOT, 0x34, 1);
        while (rig.config(SLOT, window, 1) != 9 || rig.config(SLOT, window + 3, 1) != 5) {
            window = (int) rig.config(SLOT, window + 1, 1);
        }
        rig.config(SLOT, window + 4, 1, 0);
        rig.config(SLOT, window + 8, 4, 0x14);
        rig.config(SLOT, window + 12, 4, 4);
        assertEquals(PciRig.answer(0, 0x14), rig.config(SLOT, window + 16, 4));
        rig.legacy(SLOT, window + 16, 4);
        assertEquals(PciRig.answer(0, 0x14), rig.in(0xCFC, 4));
        rig.config(SLOT, window + 12, 4, 1);
        rig.config(SLOT, window + 16, 1, 0x0F);
        assertEquals(List.of("w0+14.1=f"), it.device().heard());
        rig.config(SLOT, COMMAND, 2, MASTER);
        rig.config(SLOT, window + 8, 4, PciRig.NOTIFY + 4);
        rig.config(SLOT, window + 12, 4, 2);
        rig.config(SLOT, window + 16, 2, 1);
        assertEquals(List.of("kick 1"), it.device().heard());
        // The MSI-X table's BAR too.
        rig.config(SLOT, window + 4, 1, 4);
        rig.config(SLOT, window + 8, 4, 12);
        rig.config(SLOT, window + 12, 4, 4);
        assertEquals(1, rig.config(SLOT, window + 16, 4), "vector control: masked");
        // What cannot be is not done.
        final long[][] wrong = {
            {0, 0, 3}, {0, 0x4000, 4}, {0, -4, 4}, {0, 2, 4}, {1, 0, 4}, {0, 0, 0}, {0, 0, -1}, {4, 0x1000, 4}
        };
        for (final long[] w : wrong) {
            rig.config(SLOT, window + 4, 1, w[0]);
            rig.config(SLOT, window + 8, 4, w[1]);
            rig.config(SLOT, window + 12, 4, w[2]);
            rig.config(SLOT, window + 16, 4, 7);
            assertEquals(7, rig.config(SLOT, window + 16, 4), "only a register");
        }
        assertEquals(List.of(), it.device().heard());
    }

    // ---- a device that is not there any more ----

    @Test
    void aDeadDeviceHasItsConfigurationSpace() {
        rig.timeoutNs = 20_000_000;
        final PciRig.Plugged it = one();
        rig.config(SLOT, COMMAND, 2, MEMORY | MASTER);
        assertEquals(0xFFFF_FFFFL, rig.load(rig.bar(SLOT, 0), 4), "nobody answers");
        assertEquals(0x1041_1AF4L, rig.config(SLOT, 0, 4));
        it.device().boardEnd.sever(new Violation(Violation.Kind.UNKNOWN_MESSAGE, 0, new byte[0]));
        assertEquals(0xFF, rig.load(rig.bar(SLOT, 0) + PciRig.ISR, 1));
        rig.store(rig.bar(SLOT, 0) + PciRig.NOTIFY, 2, 0);
        assertEquals(0x1041_1AF4L, rig.config(SLOT, 0, 4));
    }

    /** A vCPU moves a BAR to and fro while another one reads: it gets the register's value or all ones, never another's. */
    @Test
    void aBarMovesWhileAnotherVcpuReads() throws InterruptedException {
        rig.plug(SLOT, PciRig.function(0, 1, 1), PciRig.virtioCapabilities());
        rig.plug(SLOT + 1, PciRig.function(1, 1, 1), PciRig.virtioCapabilities());
        rig.assemble().answering();
        rig.config(SLOT, COMMAND, 2, MEMORY);
        rig.config(SLOT + 1, COMMAND, 2, MEMORY);
        final long home = rig.bar(SLOT, 0);
        final List<String> wrong = new ArrayList<>();
        final boolean[] saw = new boolean[2];
        final long endNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        final Thread reader = new Thread(() -> {
            // A busy host may leave the BAR away for as long as all of these reads take.
            for (int i = 0; i < 20_000 || (!saw[0] && System.nanoTime() < endNs); i++) {
                final long value = rig.maps().memory().read(1, home + 8, 4, rig.counters);
                saw[0] |= value == PciRig.answer(0, 8);
                saw[1] |= value == 0xFFFF_FFFFL;
                if (value != PciRig.answer(0, 8) && value != 0xFFFF_FFFFL) {
                    wrong.add(Long.toHexString(value));
                }
            }
        });
        reader.start();
        while (reader.isAlive()) {
            rig.config(SLOT, 0x10, 4, 0xD000_0000L);
            rig.config(SLOT, 0x10, 4, home);
        }
        reader.join();
        rig.close();
        assertEquals(List.of(), wrong);
        assertTrue(saw[0]);
    }

    /** Intel 316966 §5.1.17 to §5.1.23: programmable attribute maps. A kernel without firmware finds RAM, firmware finds ROM. */
    @Test
    void q35PamLocksWhatIsNotToBeWritten() {
        one();
        assertEquals(0, engine.lockedPages);
        assertEquals(0x3333_3330L, rig.config(0, 0x90, 4));
        rig.config(0, 0x91, 1, 0x31);
        assertEquals(0xFL, engine.lockedPages, "c0000..c3fff for reading only");
        rig.config(0, 0x91, 1, 0x13);
        assertEquals(0xF0L, engine.lockedPages, "c4000..c7fff");
        rig.config(0, 0x91, 1, 0x33);
        rig.config(0, 0x96, 1, 0x03);
        assertEquals(0xFL << 44, engine.lockedPages, "ec000..effff");
        rig.config(0, 0x96, 1, 0x33);
        rig.config(0, 0x90, 1, 0x10);
        assertEquals(0xFFFFL << 48, engine.lockedPages, "f0000..fffff");
        rig.config(0, 0x90, 4, 0xFFFF_FFFFL);
        assertEquals(0x3333_3330L, rig.config(0, 0x90, 4), "reserved bits");
        assertEquals(0, engine.lockedPages);
        final FakeEngine other = new FakeEngine();
        final PciRig fresh = new PciRig(other, 1).forFirmware();
        fresh.assemble();
        assertEquals(-1L, other.lockedPages);
        final byte[] state = new byte[fresh.bus().stateLengthBytes()];
        fresh.bus().saveState(MemorySegment.ofArray(state));
        fresh.config(0, 0x92, 2, 0x3333);
        assertEquals(~0xFFFF00L, other.lockedPages, "c8000..d7fff are open");
        fresh.bus().loadState(MemorySegment.ofArray(state));
        assertEquals(-1L, other.lockedPages, "in the state");
    }

    // ---- declarations ----

    @Test
    void aFunctionThatIsNotPluggedMayNotBeDeclared() {
        final PciRig.Plugged it = rig.plug(SLOT, PciRig.function(0, 3, 2), List.of());
        final PciRig.Device stranger = rig.device("stranger");
        final String noSlot = "declares a PCI function that it has no slot for";
        assertEquals(noSlot, rig.bus().declare(stranger.board, it.function()));
        assertEquals(noSlot, rig.bus().declare(it.device().board, PciRig.function(1, 3, 2)));
        assertEquals(
                noSlot,
                rig.bus()
                        .declare(
                                it.device().board,
                                1,
                                PciRig.virtioCapabilities().getFirst()));
        assertEquals("", rig.bus().declare(it.device().board, it.function()));
    }

    @Test
    void allSlotsWithTheLargestBars() {
        for (int slot = 1; slot < IsaBridge.SLOT; slot++) {
            rig.plug(
                    slot,
                    new io.jvmm.ipc.message.PciFunction(
                            0, 0x1AF4, 0x1042, 0x1AF4, 0x1042, 0x010000, 1, 65, 64, 16 << 20, 0, 4, 0x1000),
                    List.of());
        }
        rig.assemble();
        for (int slot = 1; slot < IsaBridge.SLOT; slot++) {
            assertNotEquals(0, rig.bar(slot, 0));
            assertEquals(0, rig.bar(slot, 0) & ((16 << 20) - 1), "aligned to its size");
            assertTrue(rig.bar(slot, 0) + (16 << 20) <= PciMap.WINDOW_END);
        }
        assertEquals(64, rig.config(30, 0x42, 2), "65 vectors");
    }
}
