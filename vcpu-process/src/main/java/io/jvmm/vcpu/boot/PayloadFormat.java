package io.jvmm.vcpu.boot;

/** How the vmlinux inside a bzImage is packed, by magic number (Linux lib/decompress.c, scripts/Makefile.lib). */
enum PayloadFormat {
    ELF("none", "", 0x7F, 'E', 'L', 'F'),
    GZIP("gzip", "gunzip", 0x1F, 0x8B),
    XZ("xz", "unxz", 0xFD, '7', 'z', 'X', 'Z', 0),
    /** The legacy frame format, which is what the kernel's build uses ({@code lz4 -l}). */
    LZ4("LZ4", "lz4 -d", 0x02, 0x21, 0x4C, 0x18),
    ZSTD("zstd", "unzstd", 0x28, 0xB5, 0x2F, 0xFD),
    BZIP2("bzip2", "bunzip2", 'B', 'Z', 'h'),
    LZMA("lzma", "unlzma", 0x5D, 0, 0),
    LZO("lzo", "lzop -d", 0x89, 'L', 'Z', 'O'),
    UNKNOWN("unknown", "");

    private final String label;
    private final String tool;
    private final int[] magic;

    PayloadFormat(String label, String tool, int... magic) {
        this.label = label;
        this.tool = tool;
        this.magic = magic;
    }

    static PayloadFormat recognise(ImageBytes bytes, long offset) {
        for (final PayloadFormat f : values()) {
            if (f.magic.length > 0 && bytes.matches(offset, f.magic)) {
                return f;
            }
        }
        return UNKNOWN;
    }

    String label() {
        return label;
    }

    String tool() {
        return tool;
    }

    /** Whether we unpack it; the others are left to the kernel's own decompressor. */
    boolean isUnpackable() {
        return switch (this) {
            case ELF, GZIP, XZ, LZ4, ZSTD -> true;
            case BZIP2, LZMA, LZO, UNKNOWN -> false;
        };
    }
}
