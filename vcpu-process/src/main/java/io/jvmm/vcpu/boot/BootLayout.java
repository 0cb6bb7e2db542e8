package io.jvmm.vcpu.boot;

/**
 * Where loaders put what a guest needs at its first instruction. All of it is RAM that the kernel may reuse once it has
 * its own; a kernel image that wants one of these places is refused.
 *
 * <pre>
 *   0000_0500  GDT: null, null, code (selector 10), data (18), TSS (20)
 *   0000_6000  PVH: hvm_start_info, module list, memory map
 *   0000_7000  Linux: boot_params, the "zero page"
 *   0000_7c00  boot sector (real mode; instead of all the others)
 *   0000_8000  stack, growing down from 8ff0
 *   0000_9000  PML4, PDPT (a000), four page directories (b000..efff): 0..4 GiB identity-mapped with 2 MiB pages
 *   0002_0000  command line
 *   000e_0000  RSDP and ACPI tables (see AcpiTables)
 *   0010_0000  the kernel, from here on, where its own headers want it
 *   initrd     page-aligned, as high as the kernel's initrd_addr_max and the RAM below the hole allow
 * </pre>
 */
public final class BootLayout {
    public static final long GDT = 0x500;
    static final int GDT_BYTES = 5 * 8;
    public static final long PVH_INFO = 0x6000;
    static final int PVH_INFO_BYTES = 0x1000;
    public static final long ZERO_PAGE = 0x7000;
    static final int ZERO_PAGE_BYTES = 0x1000;
    public static final long BOOT_SECTOR = 0x7C00;
    public static final long STACK = 0x8000;
    static final int STACK_BYTES = 0x1000;
    public static final long STACK_TOP = 0x8FF0;
    public static final long PML4 = 0x9000;
    static final int PAGE_TABLES_BYTES = 6 * 0x1000;
    public static final long COMMAND_LINE = 0x2_0000;

    /** What the identity map covers: loaders put nothing and enter nothing above. */
    public static final long IDENTITY_MAPPED_BYTES = 4L << 30;

    private BootLayout() {}
}
