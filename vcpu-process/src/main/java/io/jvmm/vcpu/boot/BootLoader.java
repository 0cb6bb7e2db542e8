package io.jvmm.vcpu.boot;

import static io.jvmm.vcpu.boot.BootException.hex;

import io.jvmm.vcpu.engine.BootState;
import java.lang.foreign.MemorySegment;

/**
 * Puts a kernel into guest memory, whatever its format. Knows by content, not by name:
 *
 * <pre>
 *  7f 'E' 'L' 'F' at 0                    ELF: Linux vmlinux, PVH kernel, or a small guest of one's own
 *  'HdrS' at 202                          bzImage (arch/x86/boot.rst)
 *  55 aa at 1fe, no 'HdrS', small         boot sector, real mode at 0000:7c00
 * </pre>
 *
 * <p>Stateless; used once by the main thread before any vCPU runs. Heap use is below 1 MiB, but for an xz payload, whose
 * dictionary ({@link PayloadUnpacker}) lives on the heap while it is unpacked.
 */
public final class BootLoader {
    private static final int HEAD_BYTES = 1024;

    private BootLoader() {}

    /**
     * Loads kernel, initrd and command line.
     *
     * @throws BootException for anything wrong with an image or its fit; guest memory may have been written by then
     */
    public static BootPlan load(BootRequest request) throws BootException {
        final Image kernel = request.kernel();
        if (kernel.sizeBytes() <= 0) {
            throw new BootException.Malformed(
                    kernel.name(),
                    "size",
                    Long.toString(kernel.sizeBytes()),
                    "the file is empty",
                    "name a kernel image");
        }
        final ImageBytes head = ImageBytes.head(kernel, HEAD_BYTES);
        if (ElfImage.isElf(head)) {
            return ElfLoader.load(request);
        }
        if (BzImage.isBzImage(head)) {
            return BzImageLoader.load(request);
        }
        if (head.matches(0x1FE, "U\u00aa")) {
            return bootSector(request);
        }
        throw unknown(kernel, head);
    }

    private static BootPlan bootSector(BootRequest request) throws BootException {
        final Image sector = request.kernel();
        final RamPlan plan = new RamPlan(request.map(), request.ram());
        final MemorySegment target = plan.claim(
                sector.name(), "size", "boot sector", BootLayout.BOOT_SECTOR, sector.sizeBytes(), "the whole file");
        sector.read(0, target);
        return new BootPlan(
                sector.name(),
                "boot sector, no firmware behind it",
                BootState.real(0, (int) BootLayout.BOOT_SECTOR),
                request.map(),
                plan.placements());
    }

    private static BootException unknown(Image kernel, ImageBytes head) {
        final PayloadFormat packed = PayloadFormat.recognise(head, 0);
        if (packed != PayloadFormat.UNKNOWN) {
            return new BootException.Unsupported(
                    kernel.name(),
                    "magic",
                    packed.label(),
                    "the whole file is compressed",
                    "unpack it first, e.g. with " + packed.tool());
        }
        return new BootException.Unsupported(
                kernel.name(),
                "magic",
                head.matches(0, "MZ") ? "MZ" : hex(firstBytes(head)),
                head.matches(0, "MZ")
                        ? "an EFI program without a Linux setup header (a unified kernel image?)"
                        : "neither a bzImage nor an ELF kernel nor a boot sector",
                "use a distribution's vmlinuz or an x86-64 vmlinux");
    }

    private static long firstBytes(ImageBytes head) {
        try {
            return head.has(0, 4) ? Integer.toUnsignedLong(Integer.reverseBytes((int) head.u32(0, "magic"))) : 0;
        } catch (BootException e) {
            return 0;
        }
    }
}
