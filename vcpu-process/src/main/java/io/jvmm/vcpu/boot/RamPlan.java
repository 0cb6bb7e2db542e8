package io.jvmm.vcpu.boot;

import static io.jvmm.vcpu.boot.BootException.hex;

import io.jvmm.vcpu.board.E820;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * Who has which piece of guest RAM: a place is claimed before it is written, and no two claims overlap. All addresses and
 * lengths given here may come straight from a hostile header.
 */
final class RamPlan {
    private static final long PAGE = 0x1000;

    private final E820 map;
    private final GuestRam ram;
    private final List<Placement> placements = new ArrayList<>();

    RamPlan(E820 map, GuestRam ram) {
        this.map = map;
        this.ram = ram;
    }

    E820 map() {
        return map;
    }

    /** Notes something that is in memory already or lies outside what loaders may claim. */
    void note(Placement placement) {
        placements.add(placement);
    }

    /** Claims a range for a field of a file and returns its host view. */
    MemorySegment claim(String file, String field, String what, long start, long length, String detail)
            throws BootException {
        if (!map.isUsableRam(start, length)) {
            throw new BootException.DoesNotFit(
                    file,
                    field,
                    hex(start),
                    what + " of " + hex(length) + " bytes there is not inside usable RAM ("
                            + (map.ramBytes() >> 20) + " MiB; 0.." + hex(E820.EBDA_START - 1) + " and "
                            + hex(E820.BIOS_END) + ".." + hex(map.lowRamEnd() - 1) + ")",
                    "give the machine more memory, or link the image to addresses inside it");
        }
        final Optional<Placement> other =
                placements.stream().filter(p -> p.overlaps(start, length)).findFirst();
        if (other.isPresent()) {
            throw new BootException.DoesNotFit(
                    file,
                    field,
                    hex(start),
                    what + " of " + hex(length) + " bytes there overlaps "
                            + other.get().what() + " at "
                            + hex(other.get().start()) + ".."
                            + hex(other.get().end() - 1),
                    "link the image at 1 MiB or above without overlapping segments");
        }
        placements.add(new Placement(what, start, length, detail));
        return ram.range(start, length);
    }

    /** Claims the highest free page-aligned range that ends at or below {@code limit} and starts at 1 MiB or above. */
    Placement claimHighest(String file, String what, long length, long limit) throws BootException {
        long ceiling = Math.min(limit, map.lowRamEnd()) & -PAGE;
        final List<Placement> fromTop = new ArrayList<>(placements);
        fromTop.sort(Comparator.comparingLong(Placement::start).reversed());
        for (int i = 0; ; i++) {
            final long start = length > ceiling ? -1 : (ceiling - length) & -PAGE;
            if (start < E820.BIOS_END) {
                throw new BootException.DoesNotFit(
                        file,
                        "size",
                        Long.toString(length),
                        "no free RAM for it between the kernel and " + hex(Math.min(limit, map.lowRamEnd())),
                        "give the machine more memory or use a smaller initrd");
            }
            final Optional<Placement> inTheWay =
                    fromTop.stream().filter(p -> p.overlaps(start, length)).findFirst();
            if (inTheWay.isEmpty()) {
                final Placement placement = new Placement(what, start, length, "from " + file);
                placements.add(placement);
                return placement;
            }
            if (i > fromTop.size()) {
                throw new IllegalStateException("placements do not shrink");
            }
            ceiling = inTheWay.get().start() & -PAGE;
        }
    }

    MemorySegment range(Placement placement) {
        return ram.range(placement.start(), placement.lengthBytes());
    }

    /** By address. */
    List<Placement> placements() {
        final List<Placement> sorted = new ArrayList<>(placements);
        sorted.sort(Comparator.comparingLong(Placement::start));
        return List.copyOf(sorted);
    }
}
