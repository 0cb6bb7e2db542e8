package io.jvmm.vcpu.board.pci;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.message.PciFunction;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What a hostile device may not say of itself; the machine then stops with these words. */
class DeclarationTest {
    private final PciRig rig = new PciRig(new FakeEngine(), 1);

    static Stream<Arguments> nonsense() {
        final PciFunction good = PciRig.function(0, 3, 2);
        final byte[] common = PciRig.capability(Declaration.KIND_COMMON, 0, 0x38);
        final byte[] msix = {0x11, 0, 12, 0, 4, 0, 0, 0, 4, 8, 0, 0};
        final byte[] lies = common.clone();
        lies[Declaration.LENGTH] = 20;
        final byte[] otherBar = common.clone();
        otherBar[Declaration.BAR] = 4;
        return Stream.of(
                Arguments.of(
                        PciRig.function(0, 4, 2), List.of(), "declares 4 MSI-X vectors and has been given 3 lines"),
                Arguments.of(bridge(), List.of(), "bridges are the board's"),
                Arguments.of(good, List.of(msix), "id 17"),
                Arguments.of(good, List.of(new byte[] {9, 0, 4, 1}), "4 bytes, with a length field of 4"),
                Arguments.of(good, List.of(lies), "16 bytes, with a length field of 20"),
                Arguments.of(good, List.of(otherBar), "BAR 4"),
                Arguments.of(good, List.of(common, common), "capability 2: a second one of kind 1"),
                Arguments.of(good, List.of(PciRig.capability(6, 0, 4)), "unknown kind 6"),
                Arguments.of(good, List.of(PciRig.capability(0, 0, 4)), "unknown kind 0"),
                Arguments.of(good, List.of(PciRig.capability(1, 0x3FFC, 8)), "is not in a BAR"),
                Arguments.of(good, List.of(PciRig.capability(1, -4, 8)), "is not in a BAR"),
                Arguments.of(good, List.of(PciRig.capability(1, 0, -1)), "is not in a BAR"),
                Arguments.of(good, List.of(PciRig.capability(3, 0, 0)), "is not in a BAR"),
                Arguments.of(good, List.of(PciRig.capability(1, 2, 8)), "not aligned"),
                Arguments.of(good, List.of(PciRig.capability(2, 0x3000, 0x1000, 8)), "doorbells are elsewhere"),
                Arguments.of(good, List.of(PciRig.capability(2, 0x2000, 0x1000, 4)), "doorbells are elsewhere"),
                Arguments.of(good, List.of(PciRig.capability(2, 0x3000, 0x1000)), "16 bytes for kind 2"),
                Arguments.of(good, List.of(PciRig.capability(5, 4, 0, 0)), "begins with offset and length 0"));
    }

    private static PciFunction bridge() {
        return new PciFunction(0, 0x8086, 0x1, 0, 0, 0x060400, 0, 1, 1, 4096, 0, 4, 8);
    }

    @ParameterizedTest
    @MethodSource("nonsense")
    void nonsenseIsRefusedWithItsReason(PciFunction function, List<byte[]> capabilities, String reason) {
        rig.plug(7, rig.device("block"), function, 3, capabilities);
        final String problem = rig.declareAll();
        assertTrue(problem.startsWith("block function 0 (slot 7): "), problem);
        assertTrue(problem.contains(reason), problem);
    }

    @Test
    void whoSaysNothingIsMissed() {
        rig.plug(7, PciRig.function(0, 3, 2), List.of());
        assertEquals(
                "dev7 function 0 (slot 7): has not declared itself", rig.bus().assemble());
    }

    private static final List<byte[]> CAPABILITIES = PciRig.virtioCapabilities();

    private void say(PciRig.Plugged it, PciFunction function, List<byte[]> capabilities) {
        assertEquals("", rig.bus().declare(it.device().board, function));
        for (final byte[] c : capabilities) {
            assertEquals("", rig.bus().declare(it.device().board, 0, c.clone()));
        }
    }

    /** A process may die before the guest starts, even in the middle of what it says: the next one says all of it again. */
    @Test
    void aSuccessorBeforeTheGuestStartsGoesOn() {
        final PciRig.Plugged it = rig.plug(7, PciRig.function(0, 3, 2), CAPABILITIES);
        say(it, PciRig.function(0, 3, 2), CAPABILITIES.subList(0, 2));
        say(it, PciRig.function(0, 3, 2), CAPABILITIES.subList(0, 1));
        say(it, PciRig.function(0, 3, 2), CAPABILITIES);
        say(it, PciRig.function(0, 3, 2), CAPABILITIES);
        assertEquals("", rig.bus().assemble());
        assertEquals(0x11, rig.config(7, 0x40, 1));
        int at = (int) rig.config(7, 0x34, 1);
        int found = 0;
        for (; at != 0; found++) {
            at = (int) rig.config(7, at + 1, 1);
        }
        assertEquals(1 + CAPABILITIES.size(), found, "each once");
    }

    @Test
    void twiceAndDifferentlyIsRefused() {
        final PciRig.Plugged it = rig.plug(7, PciRig.function(0, 3, 2), List.of());
        say(it, PciRig.function(0, 3, 2), List.of());
        say(it, PciRig.function(0, 2, 2), List.of());
        assertEquals(
                "dev7 function 0 (slot 7): has declared itself twice, and differently",
                rig.bus().assemble());
    }

    @Test
    void anotherCapabilityTheSecondTimeIsRefused() {
        final PciRig.Plugged it = rig.plug(7, PciRig.function(0, 3, 2), List.of());
        say(it, PciRig.function(0, 3, 2), CAPABILITIES);
        say(it, PciRig.function(0, 3, 2), CAPABILITIES.subList(1, 2));
        assertEquals(
                "dev7 function 0 (slot 7): has declared capability 1 twice, and differently",
                rig.bus().assemble());
    }

    /** When a device process is restarted its successor is taken for what it was, and nothing the guest sees changes. */
    @Test
    void aSuccessorWhileTheGuestRunsMayOnlyRepeat() {
        final PciRig.Plugged it = rig.plug(7, PciRig.function(0, 3, 2), CAPABILITIES);
        rig.assemble();
        rig.config(7, 4, 2, 6);
        rig.config(7, 0x10, 4, 0xD000_0000L);
        final byte[] before = new byte[rig.bus().stateLengthBytes()];
        rig.bus().saveState(MemorySegment.ofArray(before));
        say(it, PciRig.function(0, 3, 2), CAPABILITIES);
        say(it, PciRig.function(0, 3, 2), CAPABILITIES.subList(0, 3));
        final byte[] after = new byte[before.length];
        rig.bus().saveState(MemorySegment.ofArray(after));
        assertArrayEquals(before, after);
        assertEquals(
                "dev7 function 0 (slot 7): declares itself differently from before the guest started",
                rig.bus().declare(it.device().board, PciRig.function(0, 3, 1)));
        assertEquals(
                "dev7 function 0 (slot 7): declares a capability differently from before the guest started",
                rig.bus().declare(it.device().board, 0, CAPABILITIES.get(4)));
        say(it, PciRig.function(0, 3, 2), CAPABILITIES);
        assertTrue(
                rig.bus().declare(it.device().board, 0, CAPABILITIES.getFirst()).contains("a capability differently"),
                "one more than before");
        assertEquals(
                "declares a PCI function that it has no slot for",
                rig.bus().declare(it.device().board, PciRig.function(1, 3, 2)));
    }

    @Test
    void aCapabilityBeforeItsFunction() {
        final PciRig.Plugged it = rig.plug(7, PciRig.function(0, 3, 2), List.of());
        rig.bus().declare(it.device().board, 0, PciRig.virtioCapabilities().getFirst());
        rig.bus().declare(it.device().board, it.function());
        assertTrue(rig.bus().assemble().contains("a capability before itself"));
    }

    @Test
    void moreThanFits() {
        final List<byte[]> many = new ArrayList<>();
        for (int i = 0; i < 1000; i++) {
            many.add(PciRig.capability(Declaration.KIND_COMMON, 0, 0x38));
        }
        rig.plug(7, PciRig.function(0, 3, 2), many);
        assertTrue(rig.declareAll().contains("a second one"));
    }

    @Test
    void twoFunctionsInOneSlotIsAMistakeOfTheSupervisor() {
        rig.plug(7, PciRig.function(0, 3, 2), List.of());
        rig.plug(7, PciRig.function(0, 3, 2), List.of());
        assertThrows(IllegalArgumentException.class, rig::bus);
    }
}
