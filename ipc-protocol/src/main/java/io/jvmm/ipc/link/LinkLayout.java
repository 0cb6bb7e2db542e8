package io.jvmm.ipc.link;

import io.jvmm.ipc.ring.IpcRingLayout;

/**
 * Bytes of a link. Little-endian. PROTOCOL.md, "Link", is normative.
 *
 * <pre>
 *   header, the first 4096 bytes
 *   0                8       10      12              16       20            24
 *   | u64 "JVMMLINK" | major | minor | u32 length    | kind   | reply slots |
 *   24                                  40                      56                      72                        88
 *   | request ring: u64 offset, length | event ring: o, l      | reply slots: o, l     | doorbell words: o, l    | u64 total |
 *
 *   reply slot, 128 bytes, one a vCPU
 *   0              8            16           20           64               68     128
 *   | i64 sequence | i64 value  | i32 status | (0)        | i32 asleep     | (0)  |
 *
 *   doorbell words, 128 bytes apart
 *   0                              128                          256                             384            512
 *   | i32 request consumer asleep  | i32 event consumer asleep  | i32 request producers waiting | i32 room     |
 * </pre>
 */
public final class LinkLayout {
    /** "JVMMLINK" read as a little-endian number. */
    public static final long MAGIC = 0x4b4e_494c_4d4d_564aL;

    public static final int MAJOR = 1;
    public static final int MINOR = 0;

    public static final int HEADER_LENGTH_BYTES = 4096;
    public static final int HEADER_MAGIC = 0;
    public static final int HEADER_MAJOR = 8;
    public static final int HEADER_MINOR = 10;
    public static final int HEADER_LENGTH = 12;
    public static final int HEADER_KIND = 16;
    public static final int HEADER_REPLY_SLOTS = 20;
    public static final int HEADER_REQUEST_RING = 24;
    public static final int HEADER_EVENT_RING = 40;
    public static final int HEADER_REPLY_REGION = 56;
    public static final int HEADER_DOORBELL_REGION = 72;
    public static final int HEADER_TOTAL = 88;
    /** Bytes of the header that have a meaning; the rest is zero. */
    public static final int HEADER_USED_BYTES = 96;

    public static final int SLOT_LENGTH_BYTES = 128;
    public static final int SLOT_SEQUENCE = 0;
    public static final int SLOT_VALUE = 8;
    public static final int SLOT_STATUS = 16;
    public static final int SLOT_ASLEEP = 64;

    public static final int DOORBELL_REQUEST_CONSUMER_ASLEEP = 0;
    public static final int DOORBELL_EVENT_CONSUMER_ASLEEP = 128;
    public static final int DOORBELL_REQUEST_PRODUCERS_WAITING = 256;
    public static final int DOORBELL_REQUEST_ROOM = 384;
    public static final int DOORBELL_LENGTH_BYTES = 512;

    /** Every region starts at a multiple of this: two cache lines, so that no two share a prefetched pair. */
    public static final int REGION_ALIGNMENT_BYTES = 128;

    private static final int PAGE_BYTES = 4096;

    private final LinkSpec spec;

    /** The layout that follows from a link's size: the regions one after the other in the order of the header. */
    public LinkLayout(LinkSpec spec) {
        this.spec = spec;
    }

    public int requestRingOffset() {
        return HEADER_LENGTH_BYTES;
    }

    public int requestRingLength() {
        return IpcRingLayout.lengthBytes(spec.requestCapacityBytes());
    }

    public int eventRingOffset() {
        return requestRingOffset() + requestRingLength();
    }

    public int eventRingLength() {
        return IpcRingLayout.lengthBytes(spec.eventCapacityBytes());
    }

    public int replySlotsOffset() {
        return eventRingOffset() + eventRingLength();
    }

    public int replySlotsLength() {
        return spec.replySlots() * SLOT_LENGTH_BYTES;
    }

    public int doorbellsOffset() {
        return replySlotsOffset() + replySlotsLength();
    }

    /** Bytes of the whole link, a multiple of the page size. */
    public int totalLength() {
        return (doorbellsOffset() + DOORBELL_LENGTH_BYTES + PAGE_BYTES - 1) & -PAGE_BYTES;
    }
}
