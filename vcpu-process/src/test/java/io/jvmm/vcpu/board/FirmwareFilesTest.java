package io.jvmm.vcpu.board;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** What firmware makes of the files: the loader's commands carried out here as QEMU documents them. */
class FirmwareFilesTest {
    private static final AcpiConfig CONFIG = new AcpiConfig(2, List.of(new AcpiConfig.ComPort(0x3F8, 4)), true, true);

    private static byte[] file(Map<String, byte[]> files, String name) {
        return Objects.requireNonNull(files.get(name), name);
    }

    private static ByteBuffer little(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static String name(ByteBuffer from, int at) {
        final byte[] bytes = new byte[56];
        from.get(at, bytes);
        return new String(bytes, StandardCharsets.US_ASCII).replace("\0", "");
    }

    private static int sum(byte[] bytes, int start, int length) {
        int sum = 0;
        for (int i = start; i < start + length; i++) {
            sum += bytes[i];
        }
        return sum & 0xFF;
    }

    private static Map<String, byte[]> files(E820 map) {
        return FirmwareFiles.of(CONFIG, map, List.of(), List.of());
    }

    /** As QEMU writes it: paths of OpenFirmware, a line each, and a zero. */
    @Test
    void theBootOrderNamesDisksThenNetworks() {
        final Map<String, byte[]> files = FirmwareFiles.of(CONFIG, E820.of(128L << 20), List.of(8, 30), List.of(24));
        assertEquals(
                "/pci@i0cf8/scsi@8/disk@0,0\n/pci@i0cf8/scsi@1e/disk@0,0\n/pci@i0cf8/ethernet@18/ethernet-phy@0\0",
                new String(file(files, "bootorder"), StandardCharsets.US_ASCII));
        assertEquals(4, files(E820.of(128L << 20)).size(), "nothing to boot from");
    }

    @Test
    void theLoaderMakesTablesOfThem() {
        final Map<String, byte[]> files = files(E820.of(128L << 20));
        final Map<String, Long> places = new HashMap<>();
        final ByteBuffer script = little(file(files, "etc/table-loader"));
        for (int at = 0; at < script.capacity(); at += 128) {
            final String file = name(script, at + 4);
            switch (script.getInt(at)) {
                case 1 -> places.put(file, script.get(at + 64) == 2 ? 0xF_5A50L : 0x7FF_E000L);
                case 2 -> {
                    final int offset = script.getInt(at + 116);
                    final long base = Objects.requireNonNull(places.get(name(script, at + 60)));
                    final ByteBuffer target = little(file(files, file));
                    if (script.get(at + 120) == 8) {
                        target.putLong(offset, target.getLong(offset) + base);
                    } else {
                        assertEquals(4, script.get(at + 120));
                        target.putInt(offset, target.getInt(offset) + (int) base);
                    }
                }
                case 3 -> {
                    final byte[] target = file(files, file);
                    final int offset = script.getInt(at + 60);
                    target[offset] -= (byte) sum(target, script.getInt(at + 64), script.getInt(at + 68));
                }
                default -> throw new AssertionError("command " + script.getInt(at));
            }
        }
        final byte[] rsdp = file(files, "etc/acpi/rsdp");
        assertEquals(0, sum(rsdp, 0, 20));
        assertEquals(0, sum(rsdp, 0, 36));
        final byte[] tables = file(files, "etc/acpi/tables");
        final ByteBuffer b = little(tables);
        final int xsdt = (int) (little(rsdp).getLong(24) - 0x7FF_E000L);
        assertEquals("XSDT", word(b, xsdt));
        assertEquals(0, sum(tables, xsdt, b.getInt(xsdt + 4)));
        int found = 0;
        for (int entry = xsdt + 36; entry < xsdt + b.getInt(xsdt + 4); entry += 8) {
            final int table = (int) (b.getLong(entry) - 0x7FF_E000L);
            assertEquals(0, sum(tables, table, b.getInt(table + 4)), word(b, table));
            found++;
            if (word(b, table).equals("FACP")) {
                assertEquals("FACS", word(b, b.getInt(table + 36) - 0x7FF_E000));
                assertEquals("DSDT", word(b, b.getInt(table + 40) - 0x7FF_E000));
                assertEquals("DSDT", word(b, (int) (b.getLong(table + 140) - 0x7FF_E000L)));
            } else if (word(b, table).equals("MCFG")) {
                assertEquals(0xB000_0000L, b.getLong(table + 44), "where SeaBIOS puts it");
            }
        }
        assertEquals(3, found);
    }

    private static String word(ByteBuffer b, int at) {
        final byte[] bytes = new byte[4];
        b.get(at, bytes);
        return new String(bytes, StandardCharsets.US_ASCII);
    }

    @Test
    void e820IsRamOnly() {
        final ByteBuffer small = little(file(files(E820.of(128L << 20)), "etc/e820"));
        assertEquals(20, small.capacity());
        assertEquals(128L << 20, small.getLong(8));
        assertEquals(1, small.getInt(16));
        final ByteBuffer large = little(file(files(E820.of(5L << 30)), "etc/e820"));
        assertEquals(40, large.capacity());
        assertEquals(1L << 32, large.getLong(20));
        assertEquals(2L << 30, large.getLong(28));
    }

    /** The memfd's layout, by its description. */
    @Test
    void packed() {
        final Map<String, byte[]> files = files(E820.of(128L << 20));
        final byte[] packed = FirmwareFiles.pack(files);
        final ByteBuffer b = little(packed);
        assertEquals("JVMMFWCF", new String(packed, 0, 8, StandardCharsets.US_ASCII));
        assertEquals(1, b.getInt(8));
        assertEquals(4, b.getInt(12));
        int next = 16 + 4 * 64;
        for (int i = 0; i < 4; i++) {
            final byte[] content = file(files, name(b, 16 + 64 * i));
            assertEquals(next, b.getInt(16 + 64 * i + 56));
            final byte[] there = new byte[b.getInt(16 + 64 * i + 60)];
            b.get(next, there);
            assertArrayEquals(content, there);
            next += there.length;
        }
        assertEquals(packed.length, next);
        assertTrue(packed.length < 64 << 10, "with few processors");
    }
}
