package io.jvmm.vcpu.boot;

import static io.jvmm.vcpu.boot.BootException.hex;

import io.jvmm.vcpu.engine.BootState;
import java.lang.foreign.MemorySegment;
import java.util.Locale;

/**
 * Loads a bzImage by the 64-bit boot protocol.
 *
 * <p>The packed vmlinux inside is unpacked here and loaded at the physical addresses of its ELF headers, where it was linked
 * to run, so it needs no relocation and its entry is the kernel's own {@code startup_64}. That spares the guest its own
 * decompressor (some 300 million instructions on a software CPU) and keeps the kernel where System.map says: address-space
 * randomisation, which the decompressor would do, is off and KASLR_FLAG in the setup header is clear. Relocations
 * appended to the payload are not needed and not read. A payload of a kind we do not unpack is run as it is: the
 * protected-mode code is loaded at the address it prefers and entered 200 bytes in, which is the decompressor's 64-bit entry.
 */
final class BzImageLoader {
    /** More than any kernel: bounds scratch memory together with the size of RAM. */
    private static final long LARGEST_PACKED = 256L << 20;

    private static final long LARGEST_UNPACKED = 1L << 30;

    private static final int DECOMPRESSOR_ENTRY = 0x200;

    private BzImageLoader() {}

    static BootPlan load(BootRequest request) throws BootException {
        final Image kernel = request.kernel();
        if (request.protocol() == BootRequest.Protocol.PVH) {
            throw new BootException.Unsupported(
                    kernel.name(), "protocol", "pvh", "a bzImage is entered by the Linux protocol", "use its vmlinux");
        }
        final BzImage bz = BzImage.parse(kernel);
        final RamPlan plan = Structures.newPlan(request);
        final MemorySegment zeroPage = LinuxLoader.prepare(request, plan, bz.commandLineLimit());
        ZeroPage.copyHeader(zeroPage, bz.header());
        final PayloadFormat format = payloadFormat(kernel, bz);
        final String name = "bzImage " + bz.protocolText()
                + (bz.kernelVersion().isEmpty() ? "" : " (Linux " + bz.kernelVersion() + ")");
        final Loaded loaded =
                format.isUnpackable() ? unpacked(request, plan, bz, format) : decompressor(plan, kernel, bz, format);
        ZeroPage.writeLoadAddress(zeroPage, loaded.address);
        final BootState state = LinuxLoader.finish(request, plan, zeroPage, loaded.entry, bz.initrdLimit());
        return new BootPlan(kernel.name(), name + ", " + loaded.how, state, request.map(), plan.placements());
    }

    private record Loaded(long address, long entry, String how) {}

    private static PayloadFormat payloadFormat(Image kernel, BzImage bz) throws BootException {
        if (bz.payloadOffset() == 0 || bz.payloadBytes() < 16) {
            return PayloadFormat.UNKNOWN;
        }
        return PayloadFormat.recognise(
                ImageBytes.exactly(kernel, bz.payloadOffset(), 16, "payload"), bz.payloadOffset());
    }

    private static Loaded unpacked(BootRequest request, RamPlan plan, BzImage bz, PayloadFormat format)
            throws BootException {
        final Image kernel = request.kernel();
        if (bz.payloadBytes() > LARGEST_PACKED) {
            throw new BootException.DoesNotFit(
                    kernel.name(),
                    "payload_length",
                    hex(bz.payloadBytes()),
                    "more than " + (LARGEST_PACKED >> 20) + " MiB",
                    "use a smaller kernel");
        }
        try (Scratch packed = Scratch.allocate(bz.payloadBytes())) {
            kernel.read(bz.payloadOffset(), packed.segment());
            if (format == PayloadFormat.ELF) {
                final Image vmlinux = Image.of(kernel.name() + " (payload)", packed.segment());
                final ElfImage elf = ElfImage.parse(vmlinux, false);
                ElfLoader.loadSegments(plan, vmlinux, elf);
                return entered(vmlinux.name(), elf, "payload not packed");
            }
            final PayloadUnpacker unpacker = new PayloadUnpacker(kernel.name(), format, packed.segment());
            final long bytes = unpacker.unpackedBytes(
                    Math.min(LARGEST_UNPACKED, request.map().ramBytes()));
            final ElfStream vmlinux = new ElfStream(plan, kernel.name() + " (unpacked)", bytes);
            unpacker.unpack(bytes, vmlinux);
            final String how = String.format(
                    Locale.ROOT,
                    "%s payload unpacked (%.1f to %.1f MiB)",
                    format.label(),
                    bz.payloadBytes() / 1048576.0,
                    bytes / 1048576.0);
            return entered(vmlinux.name(), vmlinux.elf(), how);
        }
    }

    private static Loaded entered(String name, ElfImage elf, String how) throws BootException {
        if (!elf.is64()) {
            throw new BootException.Unsupported(
                    name, "e_ident[EI_CLASS]", "1", "a 32-bit kernel", "use an x86-64 kernel");
        }
        ElfLoader.requireEntry(name, "e_entry", elf.entry(), elf);
        return new Loaded(elf.segments().getFirst().physical(), elf.entry(), how + ", Linux 64-bit boot protocol");
    }

    private static Loaded decompressor(RamPlan plan, Image kernel, BzImage bz, PayloadFormat format)
            throws BootException {
        final long address = bz.preferredAddress();
        final long needed = Math.max(bz.initBytes(), bz.codeBytes());
        if (bz.codeBytes() <= DECOMPRESSOR_ENTRY) {
            throw new BootException.Malformed(
                    kernel.name(),
                    "syssize",
                    hex(bz.codeBytes()),
                    "no room for its 64-bit entry",
                    "use a sound bzImage");
        }
        if (bz.relocatable()
                && (bz.kernelAlignment() == 0 || Long.remainderUnsigned(address, bz.kernelAlignment()) != 0)) {
            throw new BootException.Malformed(
                    kernel.name(),
                    "pref_address",
                    hex(address),
                    "not a multiple of kernel_alignment " + hex(bz.kernelAlignment()),
                    "use a sound bzImage");
        }
        if (address < 0 || address > BootLayout.IDENTITY_MAPPED_BYTES - needed) {
            throw new BootException.DoesNotFit(
                    kernel.name(), "pref_address", hex(address), "not below 4 GiB", "use another kernel");
        }
        final MemorySegment target = plan.claim(
                kernel.name(),
                "pref_address",
                "kernel, packed",
                address,
                needed,
                "protected-mode code and init_size " + hex(bz.initBytes()));
        kernel.read(bz.codeOffset(), target.asSlice(0, bz.codeBytes()));
        return new Loaded(
                address,
                address + DECOMPRESSOR_ENTRY,
                format.label() + " payload left to the kernel's own decompressor, Linux 64-bit boot protocol");
    }
}
