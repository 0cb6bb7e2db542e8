package io.jvmm.vcpu.boot;

import static io.jvmm.vcpu.boot.BootException.hex;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Loads an ELF kernel that comes as a stream, so that an unpacked kernel never lies in memory as a whole beside the guest's:
 * the headers are in the first chunk, every segment's place is claimed then, and each byte is copied once, to where it
 * belongs.
 */
final class ElfStream implements PayloadUnpacker.Sink {
    private final RamPlan plan;
    private final String name;
    private final long totalBytes;
    private final List<MemorySegment> places = new ArrayList<>();
    private @Nullable ElfImage elf;
    private long position;

    /** @param totalBytes how many will come */
    ElfStream(RamPlan plan, String name, long totalBytes) {
        this.plan = plan;
        this.name = name;
        this.totalBytes = totalBytes;
    }

    String name() {
        return name;
    }

    /** What came. Fails if it was nothing. */
    ElfImage elf() throws BootException {
        if (elf == null) {
            throw new BootException.Malformed(name, "size", "0", "it is empty", "use a sound kernel image");
        }
        return elf;
    }

    @Override
    public void accept(MemorySegment chunk) throws BootException {
        final ElfImage parsed = elf != null ? elf : begin(chunk);
        final long end = position + chunk.byteSize();
        for (int i = 0; i < places.size(); i++) {
            final ElfImage.Segment s = parsed.segments().get(i);
            final long from = Math.max(position, s.offset());
            final long to = Math.min(end, s.offset() + s.fileBytes());
            if (from < to) {
                MemorySegment.copy(chunk, from - position, places.get(i), from - s.offset(), to - from);
            }
        }
        position = end;
    }

    private ElfImage begin(MemorySegment first) throws BootException {
        final ElfImage parsed = ElfImage.parse(new Beginning(first), false);
        for (final ElfImage.Segment s : parsed.segments()) {
            places.add(ElfLoader.claim(plan, name, s));
        }
        elf = parsed;
        return parsed;
    }

    /** The whole image as far as its size goes, of which only the first chunk can be read. */
    private final class Beginning implements Image {
        private final MemorySegment first;

        Beginning(MemorySegment first) {
            this.first = first;
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public long sizeBytes() {
            return totalBytes;
        }

        @Override
        public void read(long offset, MemorySegment target) throws BootException {
            if (offset < 0 || offset > first.byteSize() || target.byteSize() > first.byteSize() - offset) {
                throw new BootException.Malformed(
                        name,
                        "program headers offset",
                        hex(offset),
                        "not within the first " + hex(first.byteSize()) + " bytes, where a kernel has its headers",
                        "use a sound kernel image");
            }
            MemorySegment.copy(first, offset, target, 0, target.byteSize());
        }
    }
}
