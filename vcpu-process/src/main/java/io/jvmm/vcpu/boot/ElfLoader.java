package io.jvmm.vcpu.boot;

import static io.jvmm.vcpu.boot.BootException.hex;

import io.jvmm.vcpu.engine.BootState;
import java.lang.foreign.MemorySegment;

/** Loads an ELF kernel by its physical addresses and enters it in long mode or by PVH. */
final class ElfLoader {
    /** What Linux itself accepts: COMMAND_LINE_SIZE of arch/x86 less the NUL. */
    private static final int LINUX_COMMAND_LINE_BYTES = 2047;

    private static final int OTHER_COMMAND_LINE_BYTES = 65_535;

    private static final long INITRD_LIMIT = 0x8000_0000L;

    private ElfLoader() {}

    static BootPlan load(BootRequest request) throws BootException {
        final Image kernel = request.kernel();
        final ElfImage elf = ElfImage.parse(kernel, true);
        final boolean pvh = usePvh(request, elf);
        final RamPlan plan = Structures.newPlan(request);
        final String kind = (elf.isLinux() ? "Linux " : "") + (elf.is64() ? "ELF64" : "ELF32");
        final int commandLineLimit = elf.isLinux() ? LINUX_COMMAND_LINE_BYTES : OTHER_COMMAND_LINE_BYTES;
        if (pvh) {
            final MemorySegment info = PvhLoader.prepare(request, plan, commandLineLimit);
            loadSegments(plan, kernel, elf);
            final BootState state = PvhLoader.finish(request, plan, info, elf);
            return new BootPlan(kernel.name(), kind + ", PVH entry", state, request.map(), plan.placements());
        }
        if (!elf.is64()) {
            throw new BootException.Unsupported(
                    kernel.name(),
                    "e_ident[EI_CLASS]",
                    "1",
                    "a 32-bit ELF is entered by PVH, and this one has no PHYS32_ENTRY note",
                    "build it with a PVH note or as ELF64");
        }
        final MemorySegment zeroPage = LinuxLoader.prepare(request, plan, commandLineLimit);
        loadSegments(plan, kernel, elf);
        requireEntry(kernel.name(), "e_entry", elf.entry(), elf);
        ZeroPage.writeSyntheticHeader(zeroPage, commandLineLimit);
        final BootState state = LinuxLoader.finish(request, plan, zeroPage, elf.entry(), INITRD_LIMIT);
        final String how = elf.isLinux() ? ", Linux 64-bit boot protocol" : ", long mode at its entry";
        return new BootPlan(kernel.name(), kind + how, state, request.map(), plan.placements());
    }

    /** Copies every segment to its physical address. RAM is zero at start, so what lies beyond p_filesz needs no writing. */
    static void loadSegments(RamPlan plan, Image kernel, ElfImage elf) throws BootException {
        for (final ElfImage.Segment s : elf.segments()) {
            final MemorySegment target = claim(plan, kernel.name(), s);
            kernel.read(s.offset(), target.asSlice(0, s.fileBytes()));
        }
    }

    static MemorySegment claim(RamPlan plan, String file, ElfImage.Segment s) throws BootException {
        return plan.claim(
                file,
                "program header " + s.index() + " p_paddr",
                "kernel segment " + s.index(),
                s.physical(),
                s.memoryBytes(),
                hex(s.fileBytes()) + " bytes from file offset " + hex(s.offset()));
    }

    static void requireEntry(String file, String field, long entry, ElfImage elf) throws BootException {
        if (entry < 0 || entry >= BootLayout.IDENTITY_MAPPED_BYTES || !elf.contains(entry)) {
            throw new BootException.Malformed(
                    file,
                    field,
                    hex(entry),
                    "the entry point lies in no segment below 4 GiB",
                    "link the kernel with an entry symbol inside its text");
        }
    }

    private static boolean usePvh(BootRequest request, ElfImage elf) throws BootException {
        return switch (request.protocol()) {
            case AUTO -> elf.pvhEntry().isPresent() && !(elf.isLinux() && elf.is64());
            case LONG_MODE -> false;
            case PVH -> {
                if (elf.pvhEntry().isEmpty()) {
                    throw new BootException.Unsupported(
                            request.kernel().name(),
                            "PHYS32_ENTRY note",
                            "(none)",
                            "PVH was asked for and this kernel does not offer it",
                            "build it with CONFIG_PVH=y or let the protocol be chosen");
                }
                yield true;
            }
        };
    }
}
