package io.jvmm.vcpu.boot;

import io.jvmm.vcpu.board.E820;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * {@code struct boot_params}, "the zero page" (Linux Documentation/arch/x86/zero-page.rst), and the setup header inside it
 * (Documentation/arch/x86/boot.rst). Offsets in bytes; the header has the same offsets in a bzImage.
 *
 * <pre>
 *  070 acpi_rsdp_addr u64      1e8 e820_entries u8       1ef sentinel u8 (0: we fill the page honestly)
 *  1f1 setup header, up to 290 at most                   2d0 e820_table, 128 entries of 20 bytes
 * </pre>
 */
final class ZeroPage {
    static final int ACPI_RSDP_ADDR = 0x070;
    static final int E820_ENTRIES = 0x1E8;
    static final int SETUP_HEADER = 0x1F1;
    static final int SETUP_HEADER_LIMIT = 0x290;
    static final int BOOT_FLAG = 0x1FE;
    static final int HEADER_MAGIC = 0x202;
    static final int VERSION = 0x206;
    static final int TYPE_OF_LOADER = 0x210;
    static final int LOADFLAGS = 0x211;
    static final int CODE32_START = 0x214;
    static final int RAMDISK_IMAGE = 0x218;
    static final int RAMDISK_SIZE = 0x21C;
    static final int HEAP_END_PTR = 0x224;
    static final int CMD_LINE_PTR = 0x228;
    static final int INITRD_ADDR_MAX = 0x22C;
    static final int KERNEL_ALIGNMENT = 0x230;
    static final int XLOADFLAGS = 0x236;
    static final int CMDLINE_SIZE = 0x238;
    static final int SETUP_DATA = 0x250;
    static final int E820_TABLE = 0x2D0;

    static final int MAGIC_HDRS = 0x5372_6448;
    static final int LOADED_HIGH = 0x01;
    static final int KASLR_FLAG = 0x02;
    static final int CAN_USE_HEAP = 0x80;
    static final int XLF_KERNEL_64 = 0x01;
    /** boot.rst: "FF Undefined", the value for a loader without an assigned number. */
    static final int LOADER_UNDEFINED = 0xFF;

    private static final int E820_ENTRY_BYTES = 20;

    private static final ValueLayout.OfByte U8 = ValueLayout.JAVA_BYTE;
    private static final ValueLayout.OfShort U16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong U64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private ZeroPage() {}

    /** The header a bzImage would have brought, for an ELF kernel that has none. */
    static void writeSyntheticHeader(MemorySegment page, int commandLineLimit) {
        page.fill((byte) 0);
        page.set(U16, BOOT_FLAG, (short) 0xAA55);
        page.set(U32, HEADER_MAGIC, MAGIC_HDRS);
        page.set(U16, VERSION, (short) 0x020F);
        page.set(U8, LOADFLAGS, (byte) LOADED_HIGH);
        page.set(U32, INITRD_ADDR_MAX, 0x7FFF_FFFF);
        page.set(U32, KERNEL_ALIGNMENT, 0x20_0000);
        page.set(U16, XLOADFLAGS, (short) XLF_KERNEL_64);
        page.set(U32, CMDLINE_SIZE, commandLineLimit);
    }

    /** Copies the setup header of a bzImage and clears what it must not bring along. */
    static void copyHeader(MemorySegment page, MemorySegment header) {
        page.fill((byte) 0);
        MemorySegment.copy(header, 0, page, SETUP_HEADER, header.byteSize());
        final int flags = page.get(U8, LOADFLAGS) & ~(KASLR_FLAG | CAN_USE_HEAP);
        page.set(U8, LOADFLAGS, (byte) (flags | LOADED_HIGH));
        page.set(U16, HEAP_END_PTR, (short) 0);
        page.set(U64, SETUP_DATA, 0);
    }

    static void writeLoadAddress(MemorySegment page, long address) {
        page.set(U32, CODE32_START, (int) address);
    }

    /** What the boot loader fills in. */
    static void complete(MemorySegment page, E820 map, long rsdp, @Nullable Placement initrd) {
        page.set(U8, TYPE_OF_LOADER, (byte) LOADER_UNDEFINED);
        page.set(U32, CMD_LINE_PTR, (int) BootLayout.COMMAND_LINE);
        page.set(U32, RAMDISK_IMAGE, initrd == null ? 0 : (int) initrd.start());
        page.set(U32, RAMDISK_SIZE, initrd == null ? 0 : (int) initrd.lengthBytes());
        page.set(U64, ACPI_RSDP_ADDR, rsdp);
        page.set(U8, E820_ENTRIES, (byte) map.entries().size());
        long at = E820_TABLE;
        for (final E820.Entry e : map.entries()) {
            page.set(U64, at, e.start());
            page.set(U64, at + 8, e.lengthBytes());
            page.set(U32, at + 16, e.type().code());
            at += E820_ENTRY_BYTES;
        }
    }
}
