package io.jvmm.vcpu.boot;

import static io.jvmm.vcpu.boot.BootException.hex;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/**
 * The parts of an ELF executable that a loader needs (System V gABI chapters 4 and 5, x86-64 psABI), read from a hostile
 * file: 32- or 64-bit, little-endian, for x86. Every offset and length has been checked against the file; addresses are
 * checked when they are claimed.
 *
 * @param entry e_entry, as a physical address wherever a segment says how to translate it
 * @param pvhEntry the address in the Xen note PHYS32_ENTRY, if there is one
 * @param isLinux whether a note says that this is a Linux kernel
 */
record ElfImage(boolean is64, long entry, List<Segment> segments, OptionalLong pvhEntry, boolean isLinux) {
    private static final int PT_LOAD = 1;
    private static final int PT_NOTE = 4;
    private static final int EM_386 = 3;
    private static final int EM_X86_64 = 62;
    private static final int MOST_HEADERS = 512;
    private static final int MOST_NOTES = 256;
    private static final int XEN_ELFNOTE_GUEST_OS = 6;
    private static final int XEN_ELFNOTE_PHYS32_ENTRY = 18;

    /** One PT_LOAD segment with something in it. */
    record Segment(int index, long offset, long fileBytes, long virtual, long physical, long memoryBytes) {}

    static boolean isElf(ImageBytes head) {
        return head.matches(0, "\u007fELF");
    }

    /** With {@code withNotes} false PT_NOTE is not looked at: no PVH entry, not known to be Linux. */
    static ElfImage parse(Image image, boolean withNotes) throws BootException {
        final ImageBytes head = ImageBytes.head(image, 64);
        final String file = image.name();
        if (!isElf(head)) {
            throw new BootException.Malformed(file, "magic", "not ELF", "it is no vmlinux", "use a sound kernel image");
        }
        final int elfClass = head.u8(4, "e_ident[EI_CLASS]");
        if (elfClass != 1 && elfClass != 2) {
            throw new BootException.Malformed(
                    file,
                    "e_ident[EI_CLASS]",
                    Integer.toString(elfClass),
                    "neither 32- nor 64-bit",
                    "use an x86 kernel");
        }
        final boolean is64 = elfClass == 2;
        requireX86(file, head, is64);
        final long entry = is64 ? head.u64(24, "e_entry") : head.u32(24, "e_entry");
        final long tableOffset = is64 ? head.u64(32, "e_phoff") : head.u32(28, "e_phoff");
        final int entrySize = head.u16(is64 ? 54 : 42, "e_phentsize");
        final int count = head.u16(is64 ? 56 : 44, "e_phnum");
        if (entrySize != (is64 ? 56 : 32)) {
            throw new BootException.Malformed(
                    file,
                    "e_phentsize",
                    Integer.toString(entrySize),
                    "not the size of a program header",
                    "use a sound ELF");
        }
        if (count == 0 || count > MOST_HEADERS) {
            throw new BootException.Malformed(
                    file,
                    "e_phnum",
                    Integer.toString(count),
                    "a kernel has 1 to " + MOST_HEADERS + " program headers",
                    "use a linked executable, not an object file");
        }
        final ImageBytes table = ImageBytes.exactly(image, tableOffset, (long) count * entrySize, "program headers");
        final List<Segment> segments = new ArrayList<>();
        final Notes notes = new Notes();
        for (int i = 0; i < count; i++) {
            final long at = tableOffset + (long) i * entrySize;
            final long type = table.u32(at, "p_type");
            if (type == PT_LOAD || (type == PT_NOTE && withNotes)) {
                final Segment s = segment(image, table, at, i, is64);
                if (type == PT_NOTE) {
                    notes.read(image, s);
                } else if (s.memoryBytes > 0) {
                    segments.add(s);
                }
            }
        }
        if (segments.isEmpty()) {
            throw new BootException.Malformed(file, "PT_LOAD", "(none)", "nothing to load", "use a linked executable");
        }
        return new ElfImage(is64, physicalEntry(entry, segments), List.copyOf(segments), notes.pvhEntry, notes.isLinux);
    }

    /** Whether {@code address} lies in a loaded segment. */
    boolean contains(long address) {
        return segments.stream()
                .anyMatch(s -> Long.compareUnsigned(address, s.physical) >= 0
                        && Long.compareUnsigned(address - s.physical, s.memoryBytes) < 0);
    }

    private static void requireX86(String file, ImageBytes head, boolean is64) throws BootException {
        if (head.u8(5, "e_ident[EI_DATA]") != 1) {
            throw new BootException.Unsupported(
                    file,
                    "e_ident[EI_DATA]",
                    Integer.toString(head.u8(5, "")),
                    "not little-endian",
                    "use an x86 kernel");
        }
        final int type = head.u16(16, "e_type");
        if (type != 2) {
            throw new BootException.Unsupported(
                    file,
                    "e_type",
                    Integer.toString(type),
                    "not an executable with fixed addresses (ET_EXEC)",
                    "link it without -pie, or use the bzImage");
        }
        final int machine = head.u16(18, "e_machine");
        if (machine != EM_X86_64 && (is64 || machine != EM_386)) {
            throw new BootException.Unsupported(
                    file, "e_machine", Integer.toString(machine), "not x86", "use a kernel built for x86-64");
        }
    }

    private static Segment segment(Image image, ImageBytes t, long at, int index, boolean is64) throws BootException {
        final Segment s = is64
                ? new Segment(
                        index,
                        t.u64(at + 8, "p_offset"),
                        t.u64(at + 32, "p_filesz"),
                        t.u64(at + 16, "p_vaddr"),
                        t.u64(at + 24, "p_paddr"),
                        t.u64(at + 40, "p_memsz"))
                : new Segment(
                        index,
                        t.u32(at + 4, "p_offset"),
                        t.u32(at + 16, "p_filesz"),
                        t.u32(at + 8, "p_vaddr"),
                        t.u32(at + 12, "p_paddr"),
                        t.u32(at + 20, "p_memsz"));
        final long size = image.sizeBytes();
        if (s.offset < 0 || s.offset > size || s.fileBytes < 0 || s.fileBytes > size - s.offset) {
            throw new BootException.Malformed(
                    image.name(),
                    "program header " + index + " p_offset",
                    hex(s.offset),
                    "p_filesz " + hex(s.fileBytes) + " from there reaches past the end of the file (" + size
                            + " bytes)",
                    "the file is truncated or corrupt: fetch it again");
        }
        if (s.memoryBytes < 0 || s.fileBytes > s.memoryBytes) {
            throw new BootException.Malformed(
                    image.name(),
                    "program header " + index + " p_memsz",
                    hex(s.memoryBytes),
                    "smaller than p_filesz " + hex(s.fileBytes) + " or absurd",
                    "use a sound ELF");
        }
        return s;
    }

    /** Linux gives a physical e_entry; other kernels often a virtual one. */
    private static long physicalEntry(long entry, List<Segment> segments) {
        for (final Segment s : segments) {
            if (Long.compareUnsigned(entry, s.physical) >= 0
                    && Long.compareUnsigned(entry - s.physical, s.memoryBytes) < 0) {
                return entry;
            }
        }
        for (final Segment s : segments) {
            if (Long.compareUnsigned(entry, s.virtual) >= 0
                    && Long.compareUnsigned(entry - s.virtual, s.memoryBytes) < 0) {
                return entry - s.virtual + s.physical;
            }
        }
        return entry;
    }

    /** The notes of all PT_NOTE segments (gABI chapter 5 "Note Section"; Xen's public/elfnote.h). */
    private static final class Notes {
        private OptionalLong pvhEntry = OptionalLong.empty();
        private boolean isLinux;
        private int seen;

        void read(Image image, Segment s) throws BootException {
            final ImageBytes bytes = ImageBytes.exactly(
                    image, s.offset, Math.min(s.fileBytes, ImageBytes.LARGEST), "notes of program header " + s.index);
            long at = s.offset;
            while (bytes.has(at, 12) && seen++ < MOST_NOTES) {
                final long nameBytes = bytes.u32(at, "n_namesz");
                final long valueBytes = bytes.u32(at + 4, "n_descsz");
                final long type = bytes.u32(at + 8, "n_type");
                final long value = at + 12 + roundUp4(nameBytes);
                final long next = value + roundUp4(valueBytes);
                if (next > roundUp4(bytes.end())) {
                    throw new BootException.Malformed(
                            image.name(),
                            "note at " + hex(at),
                            "n_namesz " + hex(nameBytes) + " n_descsz " + hex(valueBytes),
                            "reaches past the end of its segment",
                            "the file is corrupt: fetch it again");
                }
                if (nameBytes == 4 && bytes.matches(at + 12, "Xen\0")) {
                    xen(bytes, type, value, valueBytes);
                } else if (nameBytes == 6 && bytes.matches(at + 12, "Linux\0")) {
                    isLinux = true;
                }
                at = next;
            }
        }

        private void xen(ImageBytes bytes, long type, long value, long valueBytes) throws BootException {
            if (type == XEN_ELFNOTE_PHYS32_ENTRY && valueBytes == 4) {
                pvhEntry = OptionalLong.of(bytes.u32(value, "PHYS32_ENTRY"));
            } else if (type == XEN_ELFNOTE_PHYS32_ENTRY && valueBytes == 8) {
                pvhEntry = OptionalLong.of(bytes.u64(value, "PHYS32_ENTRY"));
            } else if (type == XEN_ELFNOTE_GUEST_OS && bytes.matches(value, "linux")) {
                isLinux = true;
            }
        }

        private static long roundUp4(long n) {
            return (n + 3) & -4L;
        }
    }
}
