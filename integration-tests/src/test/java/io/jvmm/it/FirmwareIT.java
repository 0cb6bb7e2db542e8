package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Drivers that nobody here wrote, on KVM: Debian's SeaBIOS and U-Boot with our virtio devices, each in its jail. */
@Tag("kvm")
class FirmwareIT extends MachineTest {
    private static final Path SEABIOS = Path.of("/usr/share/seabios/bios-256k.bin");
    private static final Path U_BOOT = Path.of("/usr/lib/u-boot/qemu-x86/u-boot.rom");
    private static final Duration PATIENCE = Duration.ofMinutes(4);
    private static final int SECTOR_BYTES = 512;
    private static final int TEXT = 0x100;
    private static final String FILE = "the contents of a file in a FAT file system";

    /** Prints what is at 7d00 to COM1 and powers the machine off: real mode, at 0000:7c00. */
    private static final String SECTOR = """
            fa 31c0 8ed8          ; cli; xor ax, ax; mov ds, ax
            be 007d ba f803       ; mov si, 0x7d00; mov dx, 0x3f8
            ac 84c0 7403 ee ebf8  ; lodsb, and out until a zero
            ba 0406 b8 0034 ef    ; mov dx, 0x604; mov ax, 0x3400; out dx, ax: S5
            f4 ebfd               ; hlt
            """;

    @Override
    protected void requirements() {
        super.requirements();
        need(SEABIOS, "seabios");
        need(U_BOOT, "u-boot-qemu");
        for (String program : new String[] {"mkfs.vfat", "mcopy", "passt"}) {
            if (!Host.has(program) && !Files.isExecutable(Path.of("/usr/sbin", program))) {
                throw new AssertionError("this test needs " + program + ": apt-get install dosfstools mtools passt");
            }
        }
    }

    private static void need(Path file, String debianPackage) {
        if (!Files.exists(file)) {
            throw new AssertionError("this test needs " + file + ": apt-get install " + debianPackage);
        }
    }

    private static String toml(Path firmware, String rest) {
        return """
                [machine]
                memory = "128M"
                engine = "kvm"
                [boot]
                firmware = "%s"
                on_reset = "exit"
                [[serial]]
                port = 1
                backend = "terminal"
                %s
                [[block]]
                path = "disk.img"
                """.formatted(firmware, rest);
    }

    @Test
    void seaBiosBootsASectorFromTheDisk() throws Exception {
        byte[] disk = new byte[1 << 20];
        byte[] code = HexFormat.of().parseHex(SECTOR.replaceAll(";[^\n]*", "").replaceAll("\\s", ""));
        System.arraycopy(code, 0, disk, 0, code.length);
        byte[] text = "the sector runs\r\n".getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(text, 0, disk, TEXT, text.length);
        disk[SECTOR_BYTES - 2] = 0x55;
        disk[SECTOR_BYTES - 1] = (byte) 0xaa;
        Files.write(dir.resolve("disk.img"), disk);
        try (Machine machine = Machine.with(dir, toml(SEABIOS, "[platform]\ndebug_console = \"debug.log\""))
                .run()) {
            machine.console().await("the sector runs", PATIENCE);
            assertEquals(0, machine.awaitExit(PATIENCE));
        }
        String log = Files.readString(dir.resolve("debug.log"), StandardCharsets.ISO_8859_1);
        assertTrue(log.contains("Running on QEMU (q35)"), log);
        assertTrue(log.contains("using modern (1.0) virtio mode"), log);
        // The boot order of fw_cfg names the disk, and no menu is offered.
        assertTrue(log.contains("/pci@i0cf8/scsi@8/disk@0,0"), log);
        assertTrue(log.contains("Booting from Hard Disk") && !log.contains("Press ESC for boot menu"), log);
    }

    @Test
    void uBootReadsFromFatAndOverTheNetwork() throws Exception {
        Path disk = dir.resolve("disk.img");
        Files.write(disk, new byte[16 << 20]);
        host("/usr/sbin/mkfs.vfat", disk.toString());
        Files.writeString(dir.resolve("file.txt"), FILE);
        host("mcopy", "-i", disk.toString(), dir.resolve("file.txt").toString(), "::file.txt");
        byte[] remote = new byte[20_000];
        Arrays.fill(remote, (byte) 'n');
        try (TftpServer _ = TftpServer.of(remote);
                Machine machine = Machine.with(dir, toml(U_BOOT, "[[net]]\nbackend = \"passt\"\nhost_loopback = true"))
                        .run()) {
            machine.console().await("Hit any key", PATIENCE);
            machine.type(" ");
            machine.console().await("=> ", PATIENCE);
            ask(machine, "virtio scan");
            ask(machine, "load virtio 0 0x1000000 file.txt");
            assertTrue(
                    ask(machine, "md.b 0x1000000 10").contains("74 68 65 20 63 6f 6e 74 65 6e 74 73 20 6f 66 20"),
                    "the contents of");
            ask(machine, "setenv autoload no");
            assertTrue(ask(machine, "dhcp").contains("DHCP client bound to address"));
            assertTrue(ask(machine, "tftpboot 0x2000000 ${gatewayip}:any").contains("Bytes transferred = 20000"));
            assertTrue(ask(machine, "md.b 0x2004e10 10").contains("6e 6e 6e 6e 6e 6e 6e 6e 6e 6e 6e 6e 6e 6e 6e 6e"));
        }
    }

    /** What U-Boot prints between the end of the echo and its next prompt. */
    private static String ask(Machine machine, String command) throws IOException {
        machine.type(command + "\n");
        machine.console().await(command, PATIENCE);
        return machine.console().await("=> ", PATIENCE);
    }

    private static void host(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertTrue(process.waitFor(1, TimeUnit.MINUTES), said);
        assertEquals(0, process.exitValue(), said);
    }
}
