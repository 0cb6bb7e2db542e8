package io.jvmm.ipc.state;

/**
 * Bytes of a state segment. Little-endian. PROTOCOL.md, "State segment", is normative.
 *
 * <pre>
 *   header, 128 bytes
 *   0                8            12        16              20         24     64               72     128
 *   | u64 "JVMMSTAT" | u32 device | u32 ver | u32 state len | u32 (1)  | (0)  | u64 sequence   | (0)  |
 *
 *   slot 0 at 128, slot 1 behind it; each a multiple of 64 bytes
 *   0                    S = state length, rounded up to 8     S+8              S+16         S+20
 *   | state              | u64 ring position                   | u64 sequence   | u32 CRC32C | (0) ... |
 * </pre>
 *
 * <p>The committed slot is {@code sequence & 1}; sequence 0 means that nothing was ever committed. The CRC covers the
 * slot from its start up to the CRC. The word at 20 is the version of this layout.
 */
public final class StateSegmentLayout {
    /** "JVMMSTAT" read as a little-endian number. */
    public static final long MAGIC = 0x5441_5453_4d4d_564aL;

    public static final int LAYOUT_VERSION = 1;

    public static final int HEADER_MAGIC = 0;
    public static final int HEADER_DEVICE = 8;
    public static final int HEADER_VERSION = 12;
    public static final int HEADER_STATE_LENGTH = 16;
    public static final int HEADER_LAYOUT_VERSION = 20;
    public static final int HEADER_SEQUENCE = 64;
    public static final int HEADER_LENGTH_BYTES = 128;

    /** Longest state of one device process. */
    public static final int MAX_STATE_BYTES = 1 << 20;

    private static final int SLOT_ALIGNMENT_BYTES = 64;
    private static final int PAGE_BYTES = 4096;

    private final int stateLength;

    public StateSegmentLayout(int stateLengthBytes) {
        if (stateLengthBytes <= 0 || stateLengthBytes > MAX_STATE_BYTES) {
            throw new IllegalArgumentException(
                    "length of a state: " + stateLengthBytes + ", allowed 1.." + MAX_STATE_BYTES);
        }
        this.stateLength = stateLengthBytes;
    }

    /** In a slot. */
    public int ringPosition() {
        return (stateLength + 7) & -8;
    }

    /** In a slot. */
    public int slotSequence() {
        return ringPosition() + 8;
    }

    /** In a slot; also the number of bytes the CRC covers. */
    public int crc() {
        return ringPosition() + 16;
    }

    public int slotLength() {
        return (crc() + 4 + SLOT_ALIGNMENT_BYTES - 1) & -SLOT_ALIGNMENT_BYTES;
    }

    /** Where the slot of a sequence starts in the segment. */
    public int slotOffset(long sequence) {
        return HEADER_LENGTH_BYTES + (int) (sequence & 1) * slotLength();
    }

    /** Bytes of the whole segment, a multiple of the page size. */
    public int totalLength() {
        return (HEADER_LENGTH_BYTES + 2 * slotLength() + PAGE_BYTES - 1) & -PAGE_BYTES;
    }
}
