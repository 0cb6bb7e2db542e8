package io.jvmm.vcpu.boot;

import io.jvmm.vcpu.board.E820;
import io.jvmm.vcpu.engine.BootState;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * The x86/HVM direct boot ABI, "PVH" (Xen docs/misc/pvh.pandoc, public/arch-x86/hvm/start_info.h), version 1:
 *
 * <pre>
 *  +00 magic 336ec578 u32   +04 version u32       +08 flags u32          +0c nr_modules u32
 *  +10 modlist u64          +18 cmdline u64       +20 rsdp u64           +28 memmap u64
 *  +30 memmap_entries u32   +34 reserved u32
 *  module:  address u64, size u64, cmdline u64, reserved u64        memory map: start u64, size u64, type u32, 0 u32
 * </pre>
 *
 * The guest starts in 32-bit protected mode without paging, EBX = start info.
 */
final class PvhLoader {
    private static final int MAGIC = 0x336e_c578;
    private static final int MODULE = 0x40;
    private static final int MEMORY_MAP = 0x80;
    private static final int MEMORY_MAP_ENTRY_BYTES = 24;
    private static final long INITRD_LIMIT = 0xC000_0000L;

    private static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong U64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private PvhLoader() {}

    /** What comes before the kernel; returns the place of the start info. */
    static MemorySegment prepare(BootRequest request, RamPlan plan, int commandLineLimit) throws BootException {
        Structures.writeCommandLine(plan, request.commandLine(), commandLineLimit);
        Structures.writeGdt(plan, false);
        return plan.claim(
                "(boot structures)",
                "start info",
                "hvm_start_info",
                BootLayout.PVH_INFO,
                BootLayout.PVH_INFO_BYTES,
                "with module list and memory map");
    }

    static BootState finish(BootRequest request, RamPlan plan, MemorySegment info, ElfImage elf) throws BootException {
        final long entry = elf.pvhEntry().orElseThrow();
        ElfLoader.requireEntry(request.kernel().name(), "PHYS32_ENTRY note", entry, elf);
        writeInfo(info, request, Structures.loadInitrd(request, plan, INITRD_LIMIT));
        return BootState.pvh(entry, BootLayout.PVH_INFO, BootLayout.GDT, BootLayout.GDT_BYTES - 1);
    }

    private static void writeInfo(MemorySegment info, BootRequest request, @Nullable Placement initrd) {
        info.fill((byte) 0);
        info.set(U32, 0x00, MAGIC);
        info.set(U32, 0x04, 1);
        if (initrd != null) {
            info.set(U32, 0x0C, 1);
            info.set(U64, 0x10, BootLayout.PVH_INFO + MODULE);
            info.set(U64, MODULE, initrd.start());
            info.set(U64, MODULE + 8, initrd.lengthBytes());
        }
        info.set(U64, 0x18, BootLayout.COMMAND_LINE);
        info.set(U64, 0x20, request.rsdp());
        info.set(U64, 0x28, BootLayout.PVH_INFO + MEMORY_MAP);
        info.set(U32, 0x30, request.map().entries().size());
        long at = MEMORY_MAP;
        for (final E820.Entry e : request.map().entries()) {
            info.set(U64, at, e.start());
            info.set(U64, at + 8, e.lengthBytes());
            info.set(U32, at + 16, e.type().code());
            at += MEMORY_MAP_ENTRY_BYTES;
        }
    }
}
