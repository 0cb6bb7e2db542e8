package io.jvmm.vcpu.boot;

/** How the vmlinux inside a bzImage is packed, by magic number (Linux lib/decompress.c, scripts/Makefile.lib). */
enum PayloadFormat {
    ELF("none", "", "\u007fELF"),
    GZIP("gzip", "gunzip", "\u001f\u008b"),
    XZ("xz", "unxz", "\u00fd7zXZ\0"),
    /** The legacy frame format, which is what the kernel's build uses ({@code lz4 -l}). */
    LZ4("LZ4", "lz4 -d", "\u0002!L\u0018"),
    ZSTD("zstd", "unzstd", "(\u00b5/\u00fd"),
    BZIP2("bzip2", "bunzip2", "BZh"),
    LZMA("lzma", "unlzma", "]\0\0"),
    LZO("lzo", "lzop -d", "\u0089LZO"),
    UNKNOWN("unknown", "", "");

    private final String label;
    private final String tool;
    /** One character a byte. */
    private final String magic;

    PayloadFormat(String label, String tool, String magic) {
        this.label = label;
        this.tool = tool;
        this.magic = magic;
    }

    static PayloadFormat recognise(ImageBytes bytes, long offset) {
        for (final PayloadFormat f : values()) {
            if (!f.magic.isEmpty() && bytes.matches(offset, f.magic)) {
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
