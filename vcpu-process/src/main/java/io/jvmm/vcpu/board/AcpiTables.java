package io.jvmm.vcpu.board;

import io.jvmm.ipc.memory.GuestMemory;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * The machine's ACPI 6.5 tables, in the BIOS area from e0000 on, which E820 reserves:
 *
 * <pre>
 *   RSDP (e0000) -> XSDT -> FADT "FACP" -> DSDT (AML), FACS
 *                        -> MADT "APIC"
 *                        -> MCFG
 * </pre>
 *
 * <p>The fixed hardware they describe (PM1a event and control, PM timer, reset register) is the platform device's; GPE
 * blocks are not declared. SMI_CMD is 0: the machine is always in ACPI mode (ACPI 6.5 §4.8.2.5). Immutable.
 */
public final class AcpiTables {
    /** Where the RSDP is: also what {@code boot_params.acpi_rsdp_addr} and PVH's start info say. */
    public static final long RSDP_ADDRESS = E820.BIOS_START;

    static final int PM_BASE = 0x600;
    static final int RESET_PORT = 0xCF9;
    static final int SCI = 9;
    /** SLP_TYP of S5, as the platform device's PM1a_CNT knows it. */
    static final int SLEEP_TYPE_S5 = 5;

    private static final long IOAPIC_ADDRESS = 0xFEC0_0000L;
    private static final long LAPIC_ADDRESS = 0xFEE0_0000L;
    private static final int HEADER_BYTES = 36;
    private static final int FACS_BYTES = 64;
    private static final int FADT_BYTES = 276;

    private final List<Table> tables;

    /** One table where it lies. */
    public static final class Table {
        private final String signature;
        private final long address;
        private final byte[] bytes;

        private Table(String signature, long address, byte[] bytes) {
            this.signature = signature;
            this.address = address;
            this.bytes = bytes;
        }

        public String signature() {
            return signature;
        }

        /** Guest-physical. */
        public long address() {
            return address;
        }

        /** A copy. */
        public byte[] bytes() {
            return bytes.clone();
        }
    }

    private AcpiTables(List<Table> tables) {
        this.tables = List.copyOf(tables);
    }

    /** Lays the tables out. */
    public static AcpiTables of(AcpiConfig config) {
        final List<Table> list = build(config, RSDP_ADDRESS + 64);
        final Table xsdt = list.getLast();
        list.addFirst(new Table("RSD PTR ", RSDP_ADDRESS, rsdp(xsdt.address)));
        if (after(xsdt) > E820.BIOS_END) {
            throw new IllegalStateException("ACPI tables need " + (after(xsdt) - E820.BIOS_START) + " bytes");
        }
        return new AcpiTables(list);
    }

    /** As for an address of 0, without the RSDP, the XSDT last: for firmware that places them itself. */
    static List<Table> relative(AcpiConfig config) {
        return build(config, 0);
    }

    private static List<Table> build(AcpiConfig config, long start) {
        final List<Table> list = new ArrayList<>();
        long next = start;
        final Table facs = new Table("FACS", next, facs());
        list.add(facs);
        next = after(facs);
        final Table dsdt = new Table("DSDT", next, table("DSDT", 2, Dsdt.of(config)));
        list.add(dsdt);
        next = after(dsdt);
        final Table fadt = new Table("FACP", next, fadt(config, facs.address, dsdt.address));
        list.add(fadt);
        next = after(fadt);
        final Table madt = new Table("APIC", next, madt(config));
        list.add(madt);
        next = after(madt);
        final Table mcfg = new Table("MCFG", next, mcfg(config));
        list.add(mcfg);
        next = after(mcfg);
        final byte[] entries = new byte[3 * Long.BYTES];
        little(entries).putLong(fadt.address).putLong(madt.address).putLong(mcfg.address);
        list.add(new Table("XSDT", next, table("XSDT", 1, entries)));
        return list;
    }

    /** All of them, the RSDP first. */
    public List<Table> tables() {
        return tables;
    }

    /** Puts them into guest RAM. */
    public void writeTo(GuestMemory memory) {
        for (final Table t : tables) {
            if (!memory.copyIn(t.address, MemorySegment.ofArray(t.bytes), 0, t.bytes.length)) {
                throw new IllegalStateException(
                        "no RAM at " + Long.toHexString(t.address) + " for ACPI " + t.signature);
            }
        }
    }

    /** FACS wants 64 (§5.2.10); the others are happy with it. */
    private static long after(Table t) {
        return (t.address + t.bytes.length + 63) & -64L;
    }

    /** §5.2.5.3, revision 2. */
    static byte[] rsdp(long xsdt) {
        final byte[] all = new byte[HEADER_BYTES];
        final ByteBuffer b = little(all);
        ascii(b, 0, "RSD PTR ");
        ascii(b, 9, "JVMM  ");
        b.put(15, (byte) 2).putInt(20, HEADER_BYTES).putLong(24, xsdt);
        b.put(8, checksum(all, 20));
        b.put(32, checksum(all, HEADER_BYTES));
        return all;
    }

    /** §5.2.10, version 2; it has no header and no checksum. */
    private static byte[] facs() {
        final byte[] all = new byte[FACS_BYTES];
        final ByteBuffer b = little(all);
        ascii(b, 0, "FACS");
        b.putInt(4, FACS_BYTES).put(32, (byte) 2);
        return all;
    }

    /** §5.2.9, revision 6. Offsets are the specification's. */
    private static byte[] fadt(AcpiConfig config, long facs, long dsdt) {
        final byte[] all = new byte[FADT_BYTES];
        final ByteBuffer b = little(all);
        b.putInt(36, (int) facs).putInt(40, (int) dsdt).putLong(140, dsdt);
        b.putShort(46, (short) SCI);
        b.putShort(96, (short) 0xFFF).putShort(98, (short) 0xFFF); // no C2, no C3
        final int legacyDevices = 1 << 0;
        final int has8042 = 1 << 1;
        final int noVga = 1 << 2;
        final int noCmosRtc = 1 << 5;
        b.putShort(109, (short) (legacyDevices | noVga | (config.platform() ? has8042 : noCmosRtc)));
        final int wbinvd = 1 << 0;
        final int c1 = 1 << 2;
        final int noPowerButton = 1 << 4;
        final int noSleepButton = 1 << 5;
        final int rtcNotInPm1 = 1 << 6;
        final int timer32Bits = 1 << 8;
        final int resetRegister = 1 << 10;
        final int hardwareReduced = 1 << 20;
        if (config.platform()) {
            b.put(106, (byte) 0x0D).put(108, (byte) 0x32); // CMOS index of the day of alarm and of the century
            b.putInt(112, wbinvd | c1 | noSleepButton | timer32Bits | resetRegister);
            b.putInt(56, PM_BASE).put(88, (byte) 4);
            b.putInt(64, PM_BASE + 4).put(89, (byte) 2);
            b.putInt(76, PM_BASE + 8).put(91, (byte) 4);
            address(b, 116, 8, 1, RESET_PORT);
            b.put(128, (byte) 6);
            address(b, 148, 32, 2, PM_BASE);
            address(b, 172, 16, 2, PM_BASE + 4);
            address(b, 208, 32, 3, PM_BASE + 8);
        } else {
            b.putInt(112, wbinvd | c1 | noPowerButton | noSleepButton | rtcNotInPm1 | hardwareReduced);
        }
        ascii(b, 268, "jvmm");
        return finish("FACP", 6, all);
    }

    /** Generic Address Structure in system I/O space (§5.2.3.2). */
    private static void address(ByteBuffer b, int at, int bits, int access, long port) {
        b.put(at, (byte) 1).put(at + 1, (byte) bits).put(at + 3, (byte) access).putLong(at + 4, port);
    }

    /** §5.2.12: LAPICs, one IOAPIC, ISA overrides (timer on pin 2; SCI level, active high), NMI on LINT1. */
    private static byte[] madt(AcpiConfig config) {
        final byte[] body = new byte[8 + config.vcpus() * 8 + 12 + 2 * 10 + 6];
        final ByteBuffer b = little(body);
        final int hasDual8259 = 1;
        b.putInt((int) LAPIC_ADDRESS).putInt(hasDual8259);
        for (int cpu = 0; cpu < config.vcpus(); cpu++) {
            b.put((byte) 0).put((byte) 8).put((byte) cpu).put((byte) cpu).putInt(1);
        }
        b.put((byte) 1)
                .put((byte) 12)
                .put((byte) 0)
                .put((byte) 0)
                .putInt((int) IOAPIC_ADDRESS)
                .putInt(0);
        override(b, 0, 2, 0);
        final int activeHigh = 1;
        final int level = 3 << 2;
        override(b, SCI, SCI, activeHigh | level);
        b.put((byte) 4).put((byte) 6).put((byte) 0xFF).putShort((short) 0).put((byte) 1);
        return table("APIC", 5, body);
    }

    /** PCI Firmware 3.2 §4.1.2: where ECAM is; segment 0, all buses. */
    private static byte[] mcfg(AcpiConfig config) {
        final byte[] body = new byte[8 + 16];
        final int lastBus = (int) (PciMap.ECAM_BYTES >> 20) - 1;
        little(body).putLong(8, config.ecamStart()).put(19, (byte) lastBus);
        return table("MCFG", 1, body);
    }

    private static void override(ByteBuffer b, int irq, int gsi, int flags) {
        b.put((byte) 2).put((byte) 10).put((byte) 0).put((byte) irq).putInt(gsi).putShort((short) flags);
    }

    private static byte[] table(String signature, int revision, byte[] body) {
        final byte[] all = new byte[HEADER_BYTES + body.length];
        System.arraycopy(body, 0, all, HEADER_BYTES, body.length);
        return finish(signature, revision, all);
    }

    /** Fills in the header (§5.2.6) of a table whose body is there already. */
    private static byte[] finish(String signature, int revision, byte[] all) {
        final ByteBuffer b = little(all);
        ascii(b, 0, signature);
        b.putInt(4, all.length).put(8, (byte) revision);
        ascii(b, 10, "JVMM  ");
        ascii(b, 16, "JVMMPC  ");
        b.putInt(24, 1);
        ascii(b, 28, "JVMM");
        b.putInt(32, 1);
        b.put(9, checksum(all, all.length));
        return all;
    }

    /** What makes the sum of the bytes zero. */
    private static byte checksum(byte[] bytes, int length) {
        int sum = 0;
        for (int i = 0; i < length; i++) {
            sum += bytes[i];
        }
        return (byte) -sum;
    }

    private static ByteBuffer little(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static void ascii(ByteBuffer b, int at, String text) {
        b.put(at, text.getBytes(StandardCharsets.US_ASCII));
    }
}
