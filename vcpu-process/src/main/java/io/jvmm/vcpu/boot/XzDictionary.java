package io.jvmm.vcpu.boot;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.zip.CRC32;

/**
 * Lowers the LZMA2 dictionary size that the first block header of an xz stream asks for (xz-file-format 1.2 §3.1, §5.3.1).
 * The kernel's build asks for 128 MiB whatever the kernel's size; a dictionary larger than the output is never used, and
 * ours is on the heap. A stream that looks other than expected is left alone: the decoder has the last word.
 *
 * <pre>
 *  stream header 12 bytes | block header: size/4-1 u8, flags u8, [packed size], [unpacked size], filters, padding, CRC32
 *  filter: id, length of properties, properties; LZMA2 is id 21 with one byte, n: (2 | n &amp; 1) &lt;&lt; (n / 2 + 11)
 * </pre>
 */
final class XzDictionary {
    private static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final int STREAM_HEADER = 12;
    private static final int LZMA2 = 0x21;
    private static final int LARGEST_PROPERTY = 40;

    private XzDictionary() {}

    static void limitTo(MemorySegment xz, long unpackedBytes) {
        if (xz.byteSize() < STREAM_HEADER + 1024 + 4) {
            return;
        }
        final int headerBytes = (u8(xz, STREAM_HEADER) + 1) * 4;
        final int end = STREAM_HEADER + headerBytes - 4;
        if (xz.get(U32, end) != crc(xz, end)) {
            return;
        }
        final int flags = u8(xz, STREAM_HEADER + 1);
        int at = STREAM_HEADER + 2;
        for (int sizes = ((flags >> 6) & 1) + (flags >> 7); sizes > 0; sizes--) {
            at = skipInteger(xz, at, end);
        }
        for (int filters = (flags & 3) + 1; filters > 0 && at + 3 <= end; filters--) {
            if (u8(xz, at) == LZMA2 && u8(xz, at + 1) == 1) {
                lower(xz, at + 2, unpackedBytes);
                xz.set(U32, end, crc(xz, end));
                return;
            }
            at += 2 + u8(xz, at + 1);
        }
    }

    private static void lower(MemorySegment xz, int at, long unpackedBytes) {
        final int asked = u8(xz, at);
        int enough = 0;
        while (enough < LARGEST_PROPERTY && (2L | (enough & 1)) << (enough / 2 + 11) < unpackedBytes) {
            enough++;
        }
        if (asked <= LARGEST_PROPERTY && enough < asked) {
            xz.set(ValueLayout.JAVA_BYTE, at, (byte) enough);
        }
    }

    private static int crc(MemorySegment xz, int end) {
        final CRC32 crc = new CRC32();
        crc.update(xz.asSlice(STREAM_HEADER, end - STREAM_HEADER).toArray(ValueLayout.JAVA_BYTE));
        return (int) crc.getValue();
    }

    private static int skipInteger(MemorySegment xz, int start, int end) {
        int at = start;
        while (at < end && u8(xz, at) >= 0x80) {
            at++;
        }
        return at + 1;
    }

    private static int u8(MemorySegment xz, int at) {
        return xz.get(ValueLayout.JAVA_BYTE, at) & 0xFF;
    }
}
