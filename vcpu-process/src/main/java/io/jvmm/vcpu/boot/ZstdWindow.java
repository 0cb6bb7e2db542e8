package io.jvmm.vcpu.boot;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Lowers the window size that a zstd frame header (RFC 8878 §3.1.1.1) asks for to what our decoder accepts. The window
 * tells a streaming decoder how much history to keep; ours writes the whole output into one buffer, so all of it is
 * history, yet it refuses to start when the header asks for more than 8 MiB, as {@code zstd -22 --ultra}, the kernel's way,
 * does. Match offsets stay checked against the output.
 *
 * <pre>
 *  magic 4 | descriptor u8: content size flag 7:6, single segment 5, checksum 2, dictionary id 1:0
 *          | window u8 unless single segment | dictionary id 0,1,2,4 | content size 0 (1 if single),2,4,8 | blocks
 * </pre>
 */
final class ZstdWindow {
    private static final int MAGIC_BYTES = 4;
    private static final int SINGLE_SEGMENT = 0x20;
    private static final int CHECKSUM = 0x04;
    /** 2 to the power of 10 + (68 shifted right by 3): 8 MiB. */
    private static final byte WINDOW_8_MIB = 0x68;

    private ZstdWindow() {}

    /** The frame, with its header rewritten in place where that is needed; {@code frame} is ours to change. */
    static MemorySegment lowered(MemorySegment frame) {
        final int descriptor = u8(frame, MAGIC_BYTES);
        final boolean single = (descriptor & SINGLE_SEGMENT) != 0;
        final int window = u8(frame, MAGIC_BYTES + 1);
        if ((descriptor & 3) != 0 || (!single && window <= WINDOW_8_MIB)) {
            return frame;
        }
        final int contentSizeBytes = switch (descriptor >> 6) {
            case 0 -> single ? 1 : 0;
            case 1 -> 2;
            case 2 -> 4;
            default -> 8;
        };
        final int headerBytes = MAGIC_BYTES + 1 + (single ? 0 : 1) + contentSizeBytes;
        if (headerBytes < MAGIC_BYTES + 2) {
            return frame;
        }
        final MemorySegment result = frame.asSlice(headerBytes - MAGIC_BYTES - 2);
        MemorySegment.copy(MemorySegment.ofArray(new byte[] {0x28, (byte) 0xB5, 0x2F, (byte) 0xFD}), 0, result, 0, 4);
        result.set(ValueLayout.JAVA_BYTE, MAGIC_BYTES, (byte) (descriptor & CHECKSUM));
        result.set(ValueLayout.JAVA_BYTE, MAGIC_BYTES + 1, WINDOW_8_MIB);
        return result;
    }

    private static int u8(MemorySegment frame, int at) {
        return frame.get(ValueLayout.JAVA_BYTE, at) & 0xFF;
    }
}
