package io.jvmm.vcpu.boot;

import io.jvmm.vcpu.engine.BootState;
import java.lang.foreign.MemorySegment;

/**
 * What every 64-bit Linux boot shares (Documentation/arch/x86/boot.rst, "64-bit Boot Protocol"): zero page,
 * command line, initrd, GDT with selectors 10 and 18, identity-mapped page tables, a stack for small guests.
 */
final class LinuxLoader {
    private LinuxLoader() {}

    /** Everything that comes before the kernel; claimed first, so that an image that wants its place is named. */
    static MemorySegment prepare(BootRequest request, RamPlan plan, int commandLineLimit) throws BootException {
        final MemorySegment zeroPage = Structures.claimZeroPage(plan);
        Structures.writeCommandLine(plan, request.commandLine(), commandLineLimit);
        Structures.writeGdt(plan, true);
        Structures.writePageTables(plan);
        Structures.claimStack(plan);
        return zeroPage;
    }

    /** Everything that comes after the kernel. */
    static BootState finish(BootRequest request, RamPlan plan, MemorySegment zeroPage, long entry, long initrdLimit)
            throws BootException {
        final Placement initrd = Structures.loadInitrd(request, plan, initrdLimit);
        ZeroPage.complete(zeroPage, request.map(), request.rsdp(), initrd);
        return BootState.linux64(
                entry,
                BootLayout.ZERO_PAGE,
                BootLayout.STACK_TOP,
                BootLayout.PML4,
                BootLayout.GDT,
                BootLayout.GDT_BYTES - 1);
    }
}
