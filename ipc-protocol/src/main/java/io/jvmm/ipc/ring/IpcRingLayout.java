package io.jvmm.ipc.ring;

import org.agrona.concurrent.ringbuffer.RecordDescriptor;
import org.agrona.concurrent.ringbuffer.RingBuffer;
import org.agrona.concurrent.ringbuffer.RingBufferDescriptor;

/**
 * The wire format of an IPC ring: that of Agrona's {@code ManyToOneRingBuffer}. Little-endian.
 *
 * <pre>
 *   ring:     0                    capacity (a power of two)
 *             | records ...        | trailer, 768 bytes                                         |
 *   trailer:  +128 tail position   +256 head cache   +384 head position   (u64 each, 128 bytes apart)
 *   record:   0              4              8                        next multiple of 8
 *             | i32 length   | i32 type     | message ...            | (unused)
 * </pre>
 *
 * <p>A position counts bytes since the ring was made; its index is {@code position & (capacity - 1)}. A record starts at
 * a multiple of 8 and never wraps. {@code length} counts header and message: 0 while nothing is there, negative while
 * the record is claimed but not finished, positive once it is. Type −1 is padding up to the end of the ring.
 */
public final class IpcRingLayout {
    public static final int TRAILER_LENGTH_BYTES = RingBufferDescriptor.TRAILER_LENGTH;
    public static final int TAIL_OFFSET = RingBufferDescriptor.TAIL_POSITION_OFFSET;
    public static final int HEAD_CACHE_OFFSET = RingBufferDescriptor.HEAD_CACHE_POSITION_OFFSET;
    public static final int HEAD_OFFSET = RingBufferDescriptor.HEAD_POSITION_OFFSET;
    public static final int RECORD_HEADER_BYTES = RecordDescriptor.HEADER_LENGTH;
    public static final int RECORD_ALIGNMENT_BYTES = RecordDescriptor.ALIGNMENT;
    public static final int PADDING_TYPE = RingBuffer.PADDING_MSG_TYPE_ID;

    private IpcRingLayout() {}

    /** Bytes a ring of {@code capacityBytes} occupies. */
    public static int lengthBytes(int capacityBytes) {
        return capacityBytes + TRAILER_LENGTH_BYTES;
    }

    /** Bytes a record with a message of this length occupies. */
    public static int recordBytes(int messageLengthBytes) {
        return align(messageLengthBytes + RECORD_HEADER_BYTES);
    }

    /** Offset of the head position, for a ring whose buffer (records and trailer) is {@code ringLengthBytes} long. */
    public static int headOffset(int ringLengthBytes) {
        return ringLengthBytes - TRAILER_LENGTH_BYTES + HEAD_OFFSET;
    }

    static int align(int length) {
        return (length + (RECORD_ALIGNMENT_BYTES - 1)) & -RECORD_ALIGNMENT_BYTES;
    }
}
