package io.jvmm.vcpu.boot;

import static io.jvmm.vcpu.boot.BootException.hex;

import java.lang.foreign.MemorySegment;

/**
 * The setup header of a bzImage (Linux Documentation/arch/x86/boot.rst, "The Real-mode Kernel Header"), protocol 2.12 or
 * newer with a 64-bit entry. All values are checked against the file.
 *
 * @param header bytes 1f1 up to the header's end, at most up to 290
 * @param version protocol, e.g. 0x20f
 * @param kernelVersion the string that {@code uname -a} would tell, "" if there is none
 * @param codeOffset where the protected-mode code begins in the file
 * @param codeBytes its length
 * @param payloadOffset offset in the file of the packed vmlinux, 0 if the header names none
 */
record BzImage(
        MemorySegment header,
        int version,
        String kernelVersion,
        long codeOffset,
        long codeBytes,
        long payloadOffset,
        long payloadBytes,
        long preferredAddress,
        long kernelAlignment,
        boolean relocatable,
        long initBytes,
        int commandLineLimit,
        long initrdLimit) {
    private static final int PAYLOAD_OFFSET = 0x248;
    private static final int PAYLOAD_LENGTH = 0x24C;
    private static final int PREF_ADDRESS = 0x258;
    private static final int INIT_SIZE = 0x260;
    private static final int FIRST_VERSION = 0x020C;
    private static final int SMALLEST_HEADER_END = 0x268;
    private static final int SECTOR = 512;
    /** Generous: COMMAND_LINE_SIZE of x86 Linux is 2048. */
    private static final int LONGEST_COMMAND_LINE = 65_535;

    static boolean isBzImage(ImageBytes head) {
        return head.matches(ZeroPage.HEADER_MAGIC, "HdrS");
    }

    static BzImage parse(Image image) throws BootException {
        final String file = image.name();
        final ImageBytes h = ImageBytes.head(image, 0x1000);
        requireProtocol(file, h);
        final int end = ZeroPage.HEADER_MAGIC + h.u8(0x201, "jump");
        if (end < SMALLEST_HEADER_END || end > ZeroPage.SETUP_HEADER_LIMIT) {
            throw malformed(file, "jump", hex(end), "the setup header would end there; 268..290 is possible");
        }
        final int setupSectors = h.u8(ZeroPage.SETUP_HEADER, "setup_sects");
        final long codeOffset = ((setupSectors == 0 ? 4 : setupSectors) + 1L) * SECTOR;
        final long codeBytes = image.sizeBytes() - codeOffset;
        final long told = h.u32(0x1F4, "syssize") * 16;
        if (codeBytes <= 0 || told == 0 || told > codeBytes + 15) {
            throw malformed(
                    file,
                    "syssize",
                    hex(told / 16),
                    "the header promises " + told + " bytes of kernel after offset " + codeOffset + ", the file has "
                            + Math.max(0, codeBytes));
        }
        final long payload = h.u32(PAYLOAD_OFFSET, "payload_offset");
        final long payloadBytes = h.u32(PAYLOAD_LENGTH, "payload_length");
        if (payload > codeBytes || payloadBytes > codeBytes - payload) {
            throw malformed(
                    file,
                    "payload_offset",
                    hex(payload),
                    "payload_length " + hex(payloadBytes) + " from there reaches past the end of the file");
        }
        final long commandLine = h.u32(ZeroPage.CMDLINE_SIZE, "cmdline_size");
        final boolean hasPayload = payload != 0 && payloadBytes != 0;
        return new BzImage(
                h.slice(ZeroPage.SETUP_HEADER, end - ZeroPage.SETUP_HEADER, "setup header"),
                h.u16(ZeroPage.VERSION, "version"),
                kernelVersion(image, h),
                codeOffset,
                Math.min(told, codeBytes),
                hasPayload ? codeOffset + payload : 0,
                hasPayload ? payloadBytes : 0,
                h.u64(PREF_ADDRESS, "pref_address"),
                h.u32(ZeroPage.KERNEL_ALIGNMENT, "kernel_alignment"),
                h.u8(0x234, "relocatable_kernel") != 0,
                h.u32(INIT_SIZE, "init_size"),
                (int) Math.min(commandLine, LONGEST_COMMAND_LINE),
                h.u32(ZeroPage.INITRD_ADDR_MAX, "initrd_addr_max") + 1);
    }

    String protocolText() {
        return (version >> 8) + "." + (version & 0xFF);
    }

    private static void requireProtocol(String file, ImageBytes h) throws BootException {
        final int version = h.u16(ZeroPage.VERSION, "version");
        if (version < FIRST_VERSION || version > 0x02FF) {
            throw new BootException.Unsupported(
                    file,
                    "boot protocol version",
                    hex(version),
                    "2.12 or newer is needed (Linux 3.8)",
                    "use a newer kernel");
        }
        if (!h.matches(ZeroPage.BOOT_FLAG, "U\u00aa")) {
            throw malformed(file, "boot_flag", hex(h.u16(ZeroPage.BOOT_FLAG, "boot_flag")), "0xaa55 belongs there");
        }
        if ((h.u8(ZeroPage.LOADFLAGS, "loadflags") & ZeroPage.LOADED_HIGH) == 0) {
            throw new BootException.Unsupported(
                    file, "loadflags", "LOADED_HIGH unset", "a zImage, not a bzImage", "build a bzImage");
        }
        final int flags = h.u16(ZeroPage.XLOADFLAGS, "xloadflags");
        if ((flags & ZeroPage.XLF_KERNEL_64) == 0) {
            throw new BootException.Unsupported(
                    file, "xloadflags", hex(flags), "XLF_KERNEL_64 is unset: a 32-bit kernel", "use an x86-64 kernel");
        }
    }

    /** The string whose offset less 200 is in the header (boot.rst, kernel_version); hostile, so only printable ASCII. */
    private static String kernelVersion(Image image, ImageBytes h) throws BootException {
        final int pointer = h.u16(0x20E, "kernel_version");
        final long at = pointer + 0x200L;
        if (pointer == 0 || at >= image.sizeBytes()) {
            return "";
        }
        final ImageBytes text =
                ImageBytes.exactly(image, at, Math.min(128, image.sizeBytes() - at), "kernel_version string");
        final StringBuilder b = new StringBuilder(64);
        for (long i = at; i < text.end(); i++) {
            final int c = text.u8(i, "kernel_version string");
            if (c <= ' ' || c > '~') {
                break;
            }
            b.append((char) c);
        }
        return b.toString();
    }

    private static BootException.Malformed malformed(String file, String field, String value, String why) {
        return new BootException.Malformed(file, field, value, why, "the file is truncated or corrupt: fetch it again");
    }
}
