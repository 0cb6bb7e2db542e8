package io.jvmm.vcpu.board;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What firmware is told of this machine, as the files that QEMU's firmware configuration device has for it (fw_cfg; its table loader is
 * drawn in QEMU's bios-linker-loader): RAM, and ACPI tables that it places itself.
 *
 * <pre>
 *   etc/e820          {u64 address, u64 length, u32 type} for each range
 *   etc/acpi/tables   all tables behind one another, pointers relative to the file
 *   etc/acpi/rsdp     the RSDP
 *   etc/table-loader  128 bytes a command: 1 allocate a file, 2 add a file's address to a pointer, 3 set a checksum
 *   bootorder         the OpenFirmware path of each device to boot from, a line each, the last one ended by a zero
 * </pre>
 *
 * <p>Handed over in a memfd that the device which plays fw_cfg has, too:
 *
 * <pre>
 *   0                 8            12           16
 *   | u64 "JVMMFWCF"  | version 1  | count n    | n times {name, 56 bytes, zero-padded; u32 offset; u32 length} | contents
 * </pre>
 */
public final class FirmwareFiles {
    private static final long MAGIC = 0x4643_5746_4D4D_564AL;
    private static final int VERSION = 1;
    private static final int HEADER_BYTES = 16;
    private static final int NAME_BYTES = 56;
    private static final int ENTRY_BYTES = NAME_BYTES + 2 * Integer.BYTES;
    private static final int COMMAND_BYTES = 128;
    private static final String TABLES = "etc/acpi/tables";
    private static final String RSDP = "etc/acpi/rsdp";
    private static final int ALLOCATE = 1;
    private static final int ADD_POINTER = 2;
    private static final int ADD_CHECKSUM = 3;
    private static final byte ZONE_HIGH = 1;
    private static final byte ZONE_F_SEGMENT = 2;
    private static final int TABLE_CHECKSUM = 9;
    private static final int RSDP_CHECKSUM = 8;
    private static final int RSDP_V1_BYTES = 20;
    private static final int RSDP_EXTENDED_CHECKSUM = 32;
    private static final int RSDP_XSDT = 24;
    private static final int TABLE_HEADER_BYTES = 36;
    private static final int FADT_FACS = 36;
    private static final int FADT_DSDT = 40;
    private static final int FADT_X_DSDT = 140;
    private static final int FACS_ALIGNMENT = 64;
    private static final int RSDP_ALIGNMENT = 16;

    private final List<byte[]> commands = new ArrayList<>();

    private FirmwareFiles() {}

    /**
     * The files by name.
     *
     * @param disks the PCI slots of the disks to boot from, first choice first
     * @param networks those of the network interfaces to try then
     */
    public static Map<String, byte[]> of(AcpiConfig config, E820 map, List<Integer> disks, List<Integer> networks) {
        final Map<String, byte[]> files = new FirmwareFiles().files(config, map);
        final List<String> order = new ArrayList<>();
        disks.forEach(slot -> order.add("/pci@i0cf8/scsi@" + Integer.toHexString(slot) + "/disk@0,0"));
        networks.forEach(slot -> order.add("/pci@i0cf8/ethernet@" + Integer.toHexString(slot) + "/ethernet-phy@0"));
        if (!order.isEmpty()) {
            files.put("bootorder", (String.join("\n", order) + "\0").getBytes(StandardCharsets.US_ASCII));
        }
        return files;
    }

    /** The files as they lie in the memfd. */
    public static byte[] pack(Map<String, byte[]> files) {
        int length = HEADER_BYTES + files.size() * ENTRY_BYTES;
        for (final byte[] content : files.values()) {
            length += content.length;
        }
        final ByteBuffer b = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
        b.putLong(MAGIC).putInt(VERSION).putInt(files.size());
        int at = HEADER_BYTES + files.size() * ENTRY_BYTES;
        for (final Map.Entry<String, byte[]> file : files.entrySet()) {
            final int start = b.position();
            b.put(name(file.getKey())).putInt(at).putInt(file.getValue().length);
            b.put(at, file.getValue());
            at += file.getValue().length;
            b.position(start + ENTRY_BYTES);
        }
        return b.array();
    }

    private Map<String, byte[]> files(AcpiConfig config, E820 map) {
        final List<AcpiTables.Table> tables = AcpiTables.relative(config);
        final AcpiTables.Table last = tables.getLast();
        final ByteBuffer all = ByteBuffer.allocate((int) last.address() + last.bytes().length);
        tables.forEach(t -> all.put((int) t.address(), t.bytes()));
        allocate(RSDP, RSDP_ALIGNMENT, ZONE_F_SEGMENT);
        allocate(TABLES, FACS_ALIGNMENT, ZONE_HIGH);
        for (final AcpiTables.Table t : tables) {
            final int at = (int) t.address();
            switch (t.signature()) {
                case "FACP" -> {
                    pointer(TABLES, at + FADT_FACS, Integer.BYTES);
                    pointer(TABLES, at + FADT_DSDT, Integer.BYTES);
                    pointer(TABLES, at + FADT_X_DSDT, Long.BYTES);
                    checksum(TABLES, at + TABLE_CHECKSUM, at, t.bytes().length);
                }
                case "XSDT" -> {
                    for (int entry = TABLE_HEADER_BYTES; entry < t.bytes().length; entry += Long.BYTES) {
                        pointer(TABLES, at + entry, Long.BYTES);
                    }
                    checksum(TABLES, at + TABLE_CHECKSUM, at, t.bytes().length);
                }
                default -> {
                    // Has no pointers.
                }
            }
        }
        final byte[] rsdp = AcpiTables.rsdp(last.address());
        pointer(RSDP, RSDP_XSDT, Long.BYTES);
        checksum(RSDP, RSDP_CHECKSUM, 0, RSDP_V1_BYTES);
        checksum(RSDP, RSDP_EXTENDED_CHECKSUM, 0, rsdp.length);
        final Map<String, byte[]> files = new LinkedHashMap<>();
        files.put("etc/e820", e820(map));
        files.put(TABLES, all.array());
        files.put(RSDP, rsdp);
        files.put("etc/table-loader", script());
        return files;
    }

    /** Only RAM, from 0: what is reserved firmware knows itself. */
    private static byte[] e820(E820 map) {
        final int entryBytes = 20;
        final ByteBuffer b = ByteBuffer.allocate(2 * entryBytes).order(ByteOrder.LITTLE_ENDIAN);
        b.putLong(0).putLong(map.lowRamEnd()).putInt(E820.Type.RAM.code());
        if (map.ramBytes() > map.lowRamEnd()) {
            b.putLong(E820.HIGH_RAM_START)
                    .putLong(map.ramBytes() - map.lowRamEnd())
                    .putInt(E820.Type.RAM.code());
        }
        final byte[] bytes = new byte[b.position()];
        b.flip().get(bytes);
        return bytes;
    }

    private ByteBuffer command(int number) {
        final byte[] bytes = new byte[COMMAND_BYTES];
        commands.add(bytes);
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(number);
    }

    private void allocate(String file, int alignment, byte zone) {
        command(ALLOCATE).put(name(file)).putInt(alignment).put(zone);
    }

    /** Adds where {@link #TABLES} has come to lie to what is at {@code offset} of {@code file}. */
    private void pointer(String file, int offset, int bytes) {
        command(ADD_POINTER).put(name(file)).put(name(TABLES)).putInt(offset).put((byte) bytes);
    }

    private void checksum(String file, int offset, int start, int length) {
        command(ADD_CHECKSUM).put(name(file)).putInt(offset).putInt(start).putInt(length);
    }

    private byte[] script() {
        final ByteBuffer b = ByteBuffer.allocate(commands.size() * COMMAND_BYTES);
        commands.forEach(b::put);
        return b.array();
    }

    private static byte[] name(String text) {
        final byte[] bytes = new byte[NAME_BYTES];
        final byte[] letters = text.getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(letters, 0, bytes, 0, letters.length);
        return bytes;
    }
}
