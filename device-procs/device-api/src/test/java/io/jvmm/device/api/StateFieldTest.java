package io.jvmm.device.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.MemoryLayout;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

/** Fields by the names that people use, as jvmm-replay --break-on takes them. */
class StateFieldTest {
    private static final MemoryLayout LAYOUT = MemoryLayout.structLayout(
            ValueLayout.JAVA_INT.withName("count"),
            MemoryLayout.sequenceLayout(
                            2,
                            MemoryLayout.structLayout(
                                    ValueLayout.JAVA_BYTE.withName("LCR"),
                                    MemoryLayout.sequenceLayout(3, ValueLayout.JAVA_BYTE)
                                            .withName("FIFO")))
                    .withName("port"));

    @Test
    void elementsOfSequencesToo() {
        assertEquals(new StateField(0, 4), StateField.of(LAYOUT, "count"));
        assertEquals(new StateField(4, 1), StateField.of(LAYOUT, "port[0].LCR"));
        assertEquals(new StateField(8, 1), StateField.of(LAYOUT, "port[1].LCR"));
        assertEquals(new StateField(11, 1), StateField.of(LAYOUT, "port[1].FIFO[2]"));
        UnsafeBuffer state = new UnsafeBuffer(new byte[] {0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8});
        assertEquals("0x05", StateField.of(LAYOUT, "port[1].LCR").value(state));
        assertEquals("0x040302", StateField.of(LAYOUT, "port[0].FIFO").value(state));
    }

    /** Members of the platform's state are called kbc.status; one function of a virtio device need not be said. */
    @Test
    void namesWithDotsAndOfTheOnlyFunction() {
        MemoryLayout layout = MemoryLayout.structLayout(
                ValueLayout.JAVA_INT.withName("kbc.status"),
                MemoryLayout.structLayout(MemoryLayout.structLayout(ValueLayout.JAVA_INT.withName("device_status"))
                                .withName("common"))
                        .withName("function0"));
        assertEquals(new StateField(0, 4), StateField.of(layout, "kbc.status"));
        assertEquals(new StateField(4, 4), StateField.of(layout, "function0.common.device_status"));
        assertEquals(new StateField(4, 4), StateField.of(layout, "common.device_status"));
        assertEquals("function0.common.d", StateField.prefix(layout, "common.d"));
        for (String whole : List.of("", "function0.common", "func", "kbc", "KBC.status")) {
            assertEquals(whole, StateField.prefix(layout, whole));
        }
        assertEquals("port", StateField.prefix(LAYOUT, "port"));
        assertEquals("nonsense", StateField.prefix(LAYOUT, "nonsense"));
    }

    @Test
    void manyFieldsAreNamed() {
        String ports = assertThrows(StageException.class, () -> StateField.of(LAYOUT, "port"))
                .getMessage();
        assertEquals("--break-on port: that is not one field; name one of port[0] to port[1]", ports);
        String fields = assertThrows(StageException.class, () -> StateField.of(LAYOUT, "port[1]"))
                .getMessage();
        assertEquals("--break-on port[1]: that is not one field; name one of port[1].LCR, port[1].FIFO", fields);
    }

    @Test
    void whoTypesTheEndOfANameIsToldTheWholeOfIt() {
        String said = assertThrows(StageException.class, () -> StateField.of(LAYOUT, "LCR"))
                .getMessage();
        assertEquals("--break-on LCR: the state has no such field; it has port[0].LCR, port[1].LCR", said);
    }

    @Test
    void whatTheStateDoesNotHave() {
        for (String name : List.of(
                "LCR", "port[2].LCR", "port[0].MCR", "count[0]", "port[99999999999999999999]", "port[-1]", "", ".")) {
            assertThrows(StageException.class, () -> StateField.of(LAYOUT, name), name);
        }
    }

    @Test
    void hashesHaveAllTheirDigits() {
        assertEquals("0000000a", ReplayMain.hex(10));
        assertEquals("ffffffff", ReplayMain.hex(-1));
    }
}
