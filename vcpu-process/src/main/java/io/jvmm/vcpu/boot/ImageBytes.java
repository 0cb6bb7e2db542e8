package io.jvmm.vcpu.boot;

import static io.jvmm.vcpu.boot.BootException.hex;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * A small piece of an image, copied to the heap once, with bounds-checked little-endian getters that name the field they
 * read. Offsets are those of the image.
 */
final class ImageBytes {
    /** No header, program header table or note section that we read is larger. */
    static final int LARGEST = 64 << 10;

    private static final ValueLayout.OfShort U16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong U64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final String file;
    private final long base;
    private final MemorySegment bytes;

    private ImageBytes(String file, long base, MemorySegment bytes) {
        this.file = file;
        this.base = base;
        this.bytes = bytes;
    }

    /** Exactly {@code length} bytes, all of which the file must have. */
    static ImageBytes exactly(Image image, long offset, long length, String what) throws BootException {
        if (length < 0 || length > LARGEST) {
            throw new BootException.Malformed(
                    image.name(), what + " length", hex(length), "more than " + LARGEST, "use a sound image");
        }
        if (offset < 0 || offset > image.sizeBytes() || length > image.sizeBytes() - offset) {
            throw new BootException.Malformed(
                    image.name(),
                    what + " offset",
                    hex(offset),
                    hex(length) + " bytes there reach past the end of the file (" + image.sizeBytes() + " bytes)",
                    "the file is truncated or corrupt: fetch it again");
        }
        final MemorySegment heap = MemorySegment.ofArray(new byte[(int) length]);
        image.read(offset, heap);
        return new ImageBytes(image.name(), offset, heap);
    }

    /** Up to {@code length} bytes from the start, fewer if the file is shorter. */
    static ImageBytes head(Image image, int length) throws BootException {
        return exactly(image, 0, Math.min(length, image.sizeBytes()), "header");
    }

    int u8(long offset, String field) throws BootException {
        return bytes.get(ValueLayout.JAVA_BYTE, at(offset, 1, field)) & 0xFF;
    }

    int u16(long offset, String field) throws BootException {
        return bytes.get(U16, at(offset, 2, field)) & 0xFFFF;
    }

    long u32(long offset, String field) throws BootException {
        return bytes.get(U32, at(offset, 4, field)) & 0xFFFF_FFFFL;
    }

    /** All 64 bits: may be negative as a Java long. */
    long u64(long offset, String field) throws BootException {
        return bytes.get(U64, at(offset, 8, field));
    }

    boolean has(long offset, int length) {
        final long relative = offset - base;
        return relative >= 0 && relative <= bytes.byteSize() - length;
    }

    /** Whether the bytes at {@code offset} are there and are these, one character a byte. */
    boolean matches(long offset, String expected) {
        if (!has(offset, expected.length())) {
            return false;
        }
        for (int i = 0; i < expected.length(); i++) {
            if ((bytes.get(ValueLayout.JAVA_BYTE, offset - base + i) & 0xFF) != expected.charAt(i)) {
                return false;
            }
        }
        return true;
    }

    MemorySegment slice(long offset, int length, String field) throws BootException {
        return bytes.asSlice(at(offset, length, field), length);
    }

    long end() {
        return base + bytes.byteSize();
    }

    private long at(long offset, int length, String field) throws BootException {
        if (!has(offset, length)) {
            throw new BootException.Malformed(
                    file,
                    field,
                    "(missing)",
                    "it would be at " + hex(offset) + " but the data ends at " + hex(end()),
                    "the file is truncated or corrupt: fetch it again");
        }
        return offset - base;
    }
}
