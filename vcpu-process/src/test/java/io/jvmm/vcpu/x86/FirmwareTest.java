package io.jvmm.vcpu.x86;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import io.jvmm.vcpu.engine.Engine;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Firmware that nobody here wrote takes the board for a Q35 and sets its PCI bus up. */
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class FirmwareTest {
    private static final Path SEABIOS = Path.of("/usr/share/seabios/bios-256k.bin");
    private static final Path U_BOOT = Path.of("/usr/lib/u-boot/qemu-x86/u-boot.rom");
    private static final long PATIENT_S = 240;

    private static String run(Engine engine, Path rom, String debianPackage, String until) throws Exception {
        if (!Files.exists(rom)) {
            fail("this test needs " + rom + ": apt-get install " + debianPackage);
        }
        return FirmwareTrial.run(engine, rom, until, PATIENT_S, OutputStream.nullOutputStream());
    }

    private static void seaBios(Engine engine) throws Exception {
        final String printed = run(engine, SEABIOS, "seabios", "Scan for option roms");
        for (final String line : new String[] {
            "Running on QEMU (q35)",
            "RamSize: 0x08000000 [cmos]",
            "PCIe: using q35 mmconfig at 0xb0000000",
            "PCI: map device bdf=00:03.0  bar 0, addr febf8000, size 00004000 [mem]",
            "PCI: map device bdf=00:03.0  bar 4, addr febfc000, size 00001000 [mem]",
            "PCI: init bdf=00:03.0 id=1af4:1041",
            "Q35 LPC init",
            "Scan for option roms"
        }) {
            assertTrue(printed.contains(line), line + " is missing in:\n" + printed);
        }
    }

    @Test
    void seaBiosOnTheSoftwareProcessor() throws Exception {
        seaBios(X86Engine.create(1));
    }

    @Test
    @Tag("kvm")
    void seaBiosOnKvm() throws Exception {
        seaBios(FirmwareTrial.kvm());
    }

    /**
     * Its prompt needs no key: what it prints last before is the name of a machine that it knows. On KVM it reads from disk and network in
     * {@code FirmwareIT}.
     */
    @Test
    void uBootOnTheSoftwareProcessor() throws Exception {
        final String printed = run(X86Engine.create(1), U_BOOT, "u-boot-qemu", "Hit any key");
        assertTrue(printed.contains("DRAM:  128 MiB") && printed.contains("Hit any key"), printed);
    }
}
