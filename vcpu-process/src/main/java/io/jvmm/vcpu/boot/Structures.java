package io.jvmm.vcpu.boot;

import static io.jvmm.vcpu.boot.BootException.hex;

import io.jvmm.vcpu.board.E820;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** The small things every loader puts into low memory: GDT, page tables, command line, initrd. */
final class Structures {
    private static final ValueLayout.OfLong U64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final String OURS = "(boot structures)";

    /* SDM 3A 3.4.5: flat segments, present, DPL 0, accessed, so that no descriptor is written back. */
    private static final long CODE_64 = 0x00AF_9B00_0000_FFFFL;
    private static final long CODE_32 = 0x00CF_9B00_0000_FFFFL;
    private static final long DATA = 0x00CF_9300_0000_FFFFL;
    private static final long TSS_32_BUSY = 0x0000_8B00_0000_0067L;

    private static final long PRESENT_WRITABLE = 0x3;
    private static final long LARGE_PAGE = 0x80;

    private Structures() {}

    /** A plan in which the ACPI tables' place is taken. */
    static RamPlan newPlan(BootRequest request) {
        final RamPlan plan = new RamPlan(request.map(), request.ram());
        if (request.rsdp() != 0) {
            plan.note(new Placement(
                    "acpi", E820.BIOS_START, E820.BIOS_END - E820.BIOS_START, "RSDP at " + hex(request.rsdp())));
        }
        return plan;
    }

    static MemorySegment claimZeroPage(RamPlan plan) throws BootException {
        return plan.claim(
                OURS, "zero page", "boot_params", BootLayout.ZERO_PAGE, BootLayout.ZERO_PAGE_BYTES, "the zero page");
    }

    static void writeGdt(RamPlan plan, boolean longMode) throws BootException {
        final MemorySegment gdt =
                plan.claim(OURS, "GDT", "GDT", BootLayout.GDT, BootLayout.GDT_BYTES, "code 10, data 18, TSS 20");
        gdt.set(U64, 0, 0);
        gdt.set(U64, 8, 0);
        gdt.set(U64, 16, longMode ? CODE_64 : CODE_32);
        gdt.set(U64, 24, DATA);
        gdt.set(U64, 32, TSS_32_BUSY);
    }

    /** SDM 3A 4.5: 4-level paging, 2 MiB pages (every 64-bit processor has them), 0..4 GiB one to one. */
    static void writePageTables(RamPlan plan) throws BootException {
        final long pml4 = BootLayout.PML4;
        final MemorySegment tables = plan.claim(
                OURS, "page tables", "page tables", pml4, BootLayout.PAGE_TABLES_BYTES, "identity map of 0..4 GiB");
        tables.fill((byte) 0);
        tables.set(U64, 0, (pml4 + 0x1000) | PRESENT_WRITABLE);
        for (int directory = 0; directory < 4; directory++) {
            tables.set(U64, 0x1000 + directory * 8L, (pml4 + 0x2000 + directory * 0x1000L) | PRESENT_WRITABLE);
        }
        for (int page = 0; page < 2048; page++) {
            tables.set(U64, 0x2000 + page * 8L, ((long) page << 21) | LARGE_PAGE | PRESENT_WRITABLE);
        }
    }

    static void claimStack(RamPlan plan) throws BootException {
        plan.claim(
                OURS, "stack", "stack", BootLayout.STACK, BootLayout.STACK_BYTES, "top " + hex(BootLayout.STACK_TOP));
    }

    /** NUL-terminated. */
    static void writeCommandLine(RamPlan plan, String commandLine, int limitBytes) throws BootException {
        final byte[] bytes = commandLine.getBytes(StandardCharsets.UTF_8);
        if (bytes.length > limitBytes) {
            throw new BootException.DoesNotFit(
                    "kernel command line",
                    "length",
                    bytes.length + " bytes",
                    "this kernel takes at most " + limitBytes,
                    "shorten it, or pass options in the initrd");
        }
        for (final byte b : bytes) {
            if (b == 0) {
                throw new BootException.Malformed(
                        "kernel command line", "byte", "0", "a NUL would end it early", "remove it");
            }
        }
        final MemorySegment target = plan.claim(
                "kernel command line",
                "length",
                "command line",
                BootLayout.COMMAND_LINE,
                bytes.length + 1L,
                bytes.length + " bytes");
        MemorySegment.copy(bytes, 0, target, ValueLayout.JAVA_BYTE, 0, bytes.length);
        target.set(ValueLayout.JAVA_BYTE, bytes.length, (byte) 0);
    }

    /**
     * Reads the initrd to the highest free place.
     *
     * @param limit first address it must not touch
     * @return null if there is none or it is empty
     */
    static @Nullable Placement loadInitrd(BootRequest request, RamPlan plan, long limit) throws BootException {
        final Image initrd = request.initrd();
        if (initrd == null) {
            return null;
        }
        if (initrd.sizeBytes() <= 0) {
            throw new BootException.Malformed(
                    initrd.name(),
                    "size",
                    Long.toString(initrd.sizeBytes()),
                    "the initrd is empty",
                    "leave initrd out");
        }
        final Placement place = plan.claimHighest(initrd.name(), "initrd", initrd.sizeBytes(), limit);
        initrd.read(0, plan.range(place));
        return place;
    }
}
