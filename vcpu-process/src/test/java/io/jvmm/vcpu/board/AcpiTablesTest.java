package io.jvmm.vcpu.board;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** ACPI 6.5 chapter 5, and Intel's own compiler and interpreter as the judges. */
class AcpiTablesTest {
    private static final List<AcpiConfig.ComPort> FOUR_PORTS = List.of(
            new AcpiConfig.ComPort(0x3F8, 4),
            new AcpiConfig.ComPort(0x2F8, 3),
            new AcpiConfig.ComPort(0x3E8, 4),
            new AcpiConfig.ComPort(0x2E8, 3));

    @TempDir
    @SuppressWarnings("NullAway.Init") // set by JUnit
    Path directory;

    static Stream<AcpiConfig> configurations() {
        return Stream.of(
                new AcpiConfig(1, FOUR_PORTS.subList(0, 1), true),
                new AcpiConfig(4, FOUR_PORTS, true),
                new AcpiConfig(255, FOUR_PORTS, true),
                new AcpiConfig(2, FOUR_PORTS, true, true),
                new AcpiConfig(1, List.of(), false));
    }

    @ParameterizedTest
    @MethodSource("configurations")
    void everyTableSumsToZeroAndTellsItsLength(AcpiConfig config) {
        long end = 0xE0000;
        for (final AcpiTables.Table t : AcpiTables.of(config).tables().subList(1, 7)) {
            final ByteBuffer b = ByteBuffer.wrap(t.bytes()).order(ByteOrder.LITTLE_ENDIAN);
            assertEquals(t.signature(), new String(t.bytes(), 0, 4, StandardCharsets.US_ASCII));
            assertEquals(t.bytes().length, b.getInt(4));
            if (!t.signature().equals("FACS")) {
                assertEquals(0, sum(t.bytes()), t.signature());
            }
            assertTrue(t.address() >= end && t.address() % 64 == 0 && t.address() < 0x100000, t.signature());
            end = t.address() + t.bytes().length;
        }
    }

    @Test
    void rsdpLeadsToEverything() {
        final AcpiTables tables = AcpiTables.of(new AcpiConfig(2, FOUR_PORTS, true));
        final byte[] rsdp = tables.tables().getFirst().bytes();
        assertEquals("RSD PTR ", new String(rsdp, 0, 8, StandardCharsets.US_ASCII));
        assertEquals(0, sum(Arrays.copyOf(rsdp, 20)));
        assertEquals(0, sum(rsdp));
        final ByteBuffer xsdt =
                at(tables, ByteBuffer.wrap(rsdp).order(ByteOrder.LITTLE_ENDIAN).getLong(24), "XSDT");
        final ByteBuffer fadt = at(tables, xsdt.getLong(36), "FACP");
        at(tables, xsdt.getLong(44), "APIC");
        at(tables, fadt.getLong(140), "DSDT");
        at(tables, Integer.toUnsignedLong(fadt.getInt(36)), "FACS");
    }

    @Test
    void fadtDescribesThePlatformDevice() {
        final ByteBuffer f = table(AcpiTables.of(new AcpiConfig(1, FOUR_PORTS, true)), "FACP");
        assertEquals(0x600, f.getInt(56));
        assertEquals(0x604, f.getInt(64));
        assertEquals(0x608, f.getInt(76));
        assertEquals(0, f.getInt(48), "SMI_CMD: always in ACPI mode");
        assertEquals(0xCF9, f.getLong(120));
        assertEquals(6, f.get(128));
        assertEquals(0x525, f.getInt(112), "WBINVD, C1, no sleep button, 32-bit timer, reset register");
        assertEquals(7, f.getShort(109), "legacy devices, 8042, no VGA");
    }

    @ParameterizedTest
    @MethodSource("configurations")
    void iaslReadsThemAndCompilesThemBack(AcpiConfig config) throws IOException, InterruptedException {
        for (final AcpiTables.Table t : AcpiTables.of(config).tables()) {
            if (t.signature().startsWith("RSD")) {
                continue;
            }
            final String name = t.signature().toLowerCase(java.util.Locale.ROOT);
            Files.write(directory.resolve(name + ".dat"), t.bytes());
            final String disassembly = run("iasl", "-d", name + ".dat");
            assertTrue(!disassembly.contains("Error") && !disassembly.contains("Warning"), disassembly);
            if (!t.signature().equals("FACS")) {
                final String compiled = run("iasl", "-oa", "-p", name + "-again", name + ".dsl");
                assertTrue(compiled.contains("0 Errors, 0 Warnings"), compiled);
                final byte[] again = Files.readAllBytes(directory.resolve(name + "-again.aml"));
                assertEquals(body(t.bytes()), body(again), name);
            }
        }
    }

    @Test
    void acpicaLoadsThemWithoutAComplaint() throws IOException, InterruptedException {
        final AcpiTables tables = AcpiTables.of(new AcpiConfig(2, FOUR_PORTS, true));
        final List<String> command = new java.util.ArrayList<>(List.of(
                "acpiexec",
                "-b",
                "namespace;evaluate \\_S5_;evaluate \\_PIC 1;evaluate \\_SB.PCI0.LPC0.LNKH._STA;"
                        + "resources \\_SB.PCI0.LPC0.LNKA"));
        for (final AcpiTables.Table t : tables.tables()) {
            if (t.signature().equals("DSDT")) {
                Files.write(directory.resolve("dsdt.dat"), t.bytes());
                command.add("dsdt.dat");
            }
        }
        final String output = run(command.toArray(String[]::new));
        assertTrue(output.contains("Table [DSDT: JVMMPC"), output);
        assertTrue(output.contains("COM4"), output);
        assertTrue(output.contains("0000000000000005"), output);
        assertTrue(output.contains("Dword02 : 0000000B"), "a link device may take lines 5, 10 and 11: " + output);
        assertTrue(!output.contains("Error") && !output.contains("AE_"), output);
    }

    private String run(String... command) throws IOException, InterruptedException {
        final Process p;
        try {
            p = new ProcessBuilder(command)
                    .directory(directory.toFile())
                    .redirectErrorStream(true)
                    .redirectInput(
                            ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
                    .start();
        } catch (IOException e) {
            throw new AssertionError("this test needs " + command[0] + ": apt-get install acpica-tools", e);
        }
        final String output = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertTrue(p.waitFor(1, TimeUnit.MINUTES), output);
        assertEquals(0, p.exitValue(), output);
        return output;
    }

    /** Without the fields that name the compiler: checksum, creator id and revision. */
    private static String body(byte[] table) {
        final byte[] copy = table.clone();
        copy[9] = 0;
        Arrays.fill(copy, 28, 36, (byte) 0);
        return java.util.HexFormat.of().formatHex(copy);
    }

    private static ByteBuffer at(AcpiTables tables, long address, String signature) {
        final ByteBuffer b = table(tables, signature);
        assertTrue(tables.tables().stream()
                .anyMatch(t -> t.address() == address && t.signature().equals(signature)));
        return b;
    }

    private static ByteBuffer table(AcpiTables tables, String signature) {
        return ByteBuffer.wrap(tables.tables().stream()
                        .filter(t -> t.signature().equals(signature))
                        .findFirst()
                        .orElseThrow()
                        .bytes())
                .order(ByteOrder.LITTLE_ENDIAN);
    }

    private static int sum(byte[] bytes) {
        int sum = 0;
        for (final byte b : bytes) {
            sum += b;
        }
        return sum & 0xFF;
    }
}
