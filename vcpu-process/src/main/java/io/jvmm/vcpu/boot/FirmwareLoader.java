package io.jvmm.vcpu.boot;

import io.jvmm.ipc.sys.Mapping;
import io.jvmm.vcpu.board.E820;
import io.jvmm.vcpu.engine.BootState;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;

/**
 * A PC's firmware in place of a kernel: its image is ROM that ends at 4 GiB, and the processor starts at its reset vector, ffff_fff0.
 *
 * <p>A copy of its last 128 KiB lies in RAM at e0000. A chipset shows ROM there until firmware has switched its PAM registers to RAM and copied
 * itself over; here the copy is there already, so that for reads the switching changes nothing.
 */
public final class FirmwareLoader {
    /** ROM ends here. */
    public static final long ROM_END = 1L << 32;

    private static final long SMALLEST = 64 << 10;
    private static final long LARGEST = 16 << 20;
    private static final long PAGE = 4096;
    private static final long SHADOW_BYTES = 128 << 10;

    /** Where SeaBIOS puts memory-mapped configuration space on a Q35: RAM must end before it. */
    private static final long MOST_RAM_BYTES = 0xB000_0000L;

    private FirmwareLoader() {}

    /**
     * Reads the image; RAM is that of the machine.
     *
     * @throws BootException when it is none, or the machine has too much memory for it
     */
    public static BootPlan load(Image image, E820 map, GuestRam ram) throws BootException {
        final long size = image.sizeBytes();
        if (size < SMALLEST || size > LARGEST || size % PAGE != 0) {
            throw new BootException.Malformed(
                    image.name(),
                    "size",
                    size + " bytes",
                    "firmware is 64 KiB to 16 MiB and a multiple of 4 KiB",
                    "name an image for PC emulators, such as SeaBIOS's bios-256k.bin");
        }
        if (map.ramBytes() > MOST_RAM_BYTES) {
            throw new BootException.DoesNotFit(
                    image.name(),
                    "memory",
                    (map.ramBytes() >> 20) + " MiB",
                    "with firmware RAM ends before b0000000, where it puts PCI's configuration space",
                    "give the machine at most " + (MOST_RAM_BYTES >> 20) + " MiB");
        }
        final Mapping rom = Mapping.anonymous(size);
        image.read(0, rom.segment());
        final long shadow = Math.min(size, SHADOW_BYTES);
        MemorySegment.copy(rom.segment(), size - shadow, ram.range(E820.BIOS_END - shadow, shadow), 0, shadow);
        return new BootPlan(
                image.name(),
                "firmware",
                BootState.resetVector(),
                map,
                List.of(
                        new Placement("firmware's copy", E820.BIOS_END - shadow, shadow, "its end"),
                        new Placement("firmware (ROM)", ROM_END - size, size, "all of it")),
                Optional.of(rom));
    }
}
