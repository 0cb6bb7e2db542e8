package io.jvmm.vcpu.board;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.HexFormat;
import org.junit.jupiter.api.Test;

/** ACPI 6.5 §20.2; values worked out by hand from the grammar. */
class AmlWriterTest {
    private static String hex(AmlWriter aml) {
        return HexFormat.of().formatHex(aml.toByteArray());
    }

    @Test
    void integersTakeTheShortestForm() {
        assertEquals("00", hex(new AmlWriter().integer(0)));
        assertEquals("01", hex(new AmlWriter().integer(1)));
        assertEquals("0a02", hex(new AmlWriter().integer(2)));
        assertEquals("0aff", hex(new AmlWriter().integer(255)));
        assertEquals("0b0001", hex(new AmlWriter().integer(256)));
        assertEquals("0c00000100", hex(new AmlWriter().integer(65_536)));
        assertEquals("0effffffffffffffff", hex(new AmlWriter().integer(-1)));
    }

    @Test
    void eisaIdsAreCompressed() {
        assertEquals("0c41d00501", hex(new AmlWriter().eisaId("PNP0501")));
        assertEquals("0c41d00b00", hex(new AmlWriter().eisaId("PNP0B00")));
        assertThrows(IllegalArgumentException.class, () -> new AmlWriter().eisaId("pnp0501"));
    }

    @Test
    void namesArePadded() {
        assertEquals("085c5f53355f" + "00", hex(new AmlWriter().name("\\_S5").integer(0)));
        assertThrows(IllegalArgumentException.class, () -> new AmlWriter().name("TOOLONG"));
    }

    /** §20.2.4: the length counts its own bytes, 1 up to 3f, 2 up to fff, 3 above; then comes the buffer's size, 2 or 3. */
    @Test
    void packageLengthsCountThemselves() {
        assertEquals("3f", length(63 - 1 - 2));
        assertEquals("4104", length(65 - 2 - 2));
        assertEquals("4fff", length(0xFFF - 2 - 3));
        assertEquals("810001", length(0x1001 - 3 - 3));
    }

    /** The package length of a buffer of so many bytes. */
    private static String length(int bytes) {
        final String all = hex(new AmlWriter().buffer(new byte[bytes]));
        final int following = Integer.parseInt(all.substring(2, 4), 16) >> 6;
        return all.substring(2, 4 + 2 * following);
    }
}
