package io.jvmm.vcpu.boot;

import io.jvmm.vcpu.board.AcpiConfig;
import io.jvmm.vcpu.board.AcpiTables;
import io.jvmm.vcpu.engine.BootState;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HexFormat;
import java.util.List;

/**
 * Boots a real kernel from exactly the memory that our loader made and with exactly our ACPI tables, but in QEMU: so that
 * loaders and tables can be judged apart from our engines and devices. For people; not a test.
 *
 * <p>{@code QemuTrial DIRECTORY KERNEL "COMMAND LINE" [INITRD [AUTO|LONG_MODE|PVH]]} writes the memory of a 256 MiB machine
 * and a 128 KiB "BIOS" (the tables, and a stub at the reset vector that puts the processor into the boot state), and prints
 * the command to run.
 */
final class QemuTrial {
    /** Where the stub lies in the last page below 1 MiB. */
    private static final int STUB_PAGE = 0xF_F000;

    private static final int RESET_VECTOR = 0xFFF0;
    private static final long MEMORY_BYTES = 256L << 20;

    /** Real mode, at f000:f000: gives QEMU's PIIX4 the PM block at 600 and switches it to ACPI mode. */
    private static final String POWER_MANAGEMENT = """
            fa
            66 b8 40 0b 00 80  ba f8 0c  66 ef  ba fc 0c  66 b8 01 06 00 00  66 ef   ; base
            66 b8 04 0b 00 80  ba f8 0c  66 ef  ba fc 0c  b8 01 00           ef      ; I/O enable
            66 b8 80 0b 00 80  ba f8 0c  66 ef  ba fc 0c  b0 01              ee      ; PM enable
            ba 04 06  ed  83 c8 01  ef                                               ; SCI_EN
            """;

    private static final int GDT_POINTER = 0xF00;

    private QemuTrial() {}

    public static void main(String[] args) throws IOException, BootException {
        final Path directory = Path.of(args[0]);
        final Machine m = new Machine(MEMORY_BYTES >> 20);
        final BootPlan plan = m.boot(
                file(args[1]),
                args.length > 3 && !args[3].isEmpty() ? file(args[3]) : null,
                args[2],
                args.length > 4 ? BootRequest.Protocol.valueOf(args[4]) : BootRequest.Protocol.AUTO);
        System.out.print(plan.format(""));
        final AcpiConfig config = new AcpiConfig(2, List.of(new AcpiConfig.ComPort(0x3F8, 4)), true);
        for (final AcpiTables.Table t : AcpiTables.of(config).tables()) {
            MemorySegment.copy(MemorySegment.ofArray(t.bytes()), 0, m.low, t.address(), t.bytes().length);
        }
        final byte[] bios = m.bytes(0xE_0000, 0x2_0000);
        stub(ByteBuffer.wrap(bios).order(ByteOrder.LITTLE_ENDIAN), plan.state());
        Files.write(directory.resolve("bios.bin"), bios);
        write(directory.resolve("low.bin"), m.range(0, 0x9_FC00));
        write(directory.resolve("high.bin"), m.range(0x10_0000, MEMORY_BYTES - 0x10_0000));
        System.out.println(
                "qemu-system-x86_64 -machine pc -accel tcg -cpu max -smp 2 -m 256 -nographic -no-reboot -net none"
                        + " -vga none -bios " + directory.resolve("bios.bin")
                        + " -device loader,addr=0,force-raw=on,file=" + directory.resolve("low.bin")
                        + " -device loader,addr=0x100000,force-raw=on,file=" + directory.resolve("high.bin"));
    }

    private static void stub(ByteBuffer bios, BootState state) {
        final int page = STUB_PAGE - 0xE_0000;
        final byte[] first = code(POWER_MANAGEMENT);
        final boolean longMode = state.mode() == BootState.Mode.LONG_64;
        final int beforeSegments = longMode ? 7 + 9 + 9 + 16 + 9 + 8 : 7 + 9 + 8;
        final String jump = hex(STUB_PAGE + first.length + beforeSegments, 4);
        final String text = longMode
                ? longMode(
                        hex(0xF000 + GDT_POINTER, 2),
                        hex(state.cr3(), 4),
                        jump,
                        hex(state.rsp(), 4),
                        hex(state.rsi(), 4),
                        hex(state.rip(), 4))
                : protectedMode(hex(0xF000 + GDT_POINTER, 2), jump, hex(state.rbx(), 4), hex(state.rip(), 4));
        bios.put(page, first).put(page + first.length, code(text));
        bios.putShort(page + GDT_POINTER, (short) state.gdtLimit());
        bios.putInt(page + GDT_POINTER + 2, (int) state.gdtBase());
        bios.put(page + (RESET_VECTOR & 0xFFF), code("ea 00 f0 00 f0"));
    }

    /** PAE, cr3, EFER.LME, PG and PE, far jump; then segments, rsp, rsi, entry. */
    private static String longMode(String gdt, String cr3, String jump, String rsp, String rsi, String entry) {
        return """
            66 2e 0f 01 16 %1$s                                    ; lgdt cs:[..]
            66 b8 20 00 00 00  0f 22 e0                            ; cr4 = PAE
            66 b8 %2$s  0f 22 d8                                   ; cr3
            66 b9 80 00 00 c0  0f 32  66 0d 00 01 00 00  0f 30     ; EFER.LME
            66 b8 01 00 00 80  0f 22 c0                            ; cr0 = PG | PE
            66 ea %3$s 10 00                                       ; far jump
            66 b8 18 00  8e d8  8e c0  8e d0  8e e0  8e e8
            48 c7 c4 %4$s  48 c7 c6 %5$s  48 c7 c0 %6$s  ff e0     ; rsp, rsi, entry
            """.formatted(gdt, cr3, jump, rsp, rsi, entry);
    }

    private static String protectedMode(String gdt, String jump, String ebx, String entry) {
        return """
            66 2e 0f 01 16 %1$s                                    ; lgdt cs:[..]
            66 b8 01 00 00 00  0f 22 c0                            ; cr0 = PE
            66 ea %2$s 10 00                                       ; far jump
            66 b8 18 00  8e d8  8e c0  8e d0
            bb %3$s  b8 %4$s  ff e0                                ; ebx, entry
            """.formatted(gdt, jump, ebx, entry);
    }

    private static byte[] code(String text) {
        return HexFormat.of().parseHex(text.replaceAll(";[^\n]*", "").replaceAll("\\s", ""));
    }

    private static String hex(long value, int bytes) {
        final StringBuilder b = new StringBuilder();
        for (int i = 0; i < bytes; i++) {
            b.append(HexFormat.of().toHexDigits((byte) (value >>> (8 * i))));
        }
        return b.toString();
    }

    private static Image file(String name) throws IOException {
        return Image.of(name, MemorySegment.ofArray(Files.readAllBytes(Path.of(name))));
    }

    private static void write(Path path, MemorySegment bytes) throws IOException {
        try (FileChannel channel = FileChannel.open(
                path, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)) {
            final ByteBuffer buffer = bytes.asByteBuffer();
            while (buffer.hasRemaining()) {
                channel.write(buffer);
            }
        }
    }
}
