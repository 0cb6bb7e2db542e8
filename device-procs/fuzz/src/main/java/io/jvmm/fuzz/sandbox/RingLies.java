package io.jvmm.fuzz.sandbox;

import io.jvmm.ipc.link.LinkLayout;
import io.jvmm.ipc.message.DeviceRequestType;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.ring.IpcRingLayout;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Mapping;
import java.util.List;
import java.util.Random;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * The requesting end of a link in the hands of somebody who has taken its process over: writes what it likes, by the wire format and not by our endpoints. One seed tells
 * one lie. One thread; nothing here waits.
 */
final class RingLies implements AutoCloseable {
    private static final int MESSAGE_LIMIT = 512;
    private static final int MOST_FLOODED = 64;
    private static final List<RingLie> LIES = List.of(RingLie.values());
    private static final int WORD = Integer.BYTES;

    /** Numbers at the borders of what readers compare with. */
    private static final long[] NASTY = {
        0,
        1,
        -1,
        4,
        7,
        8,
        -8,
        255,
        256,
        65535,
        65536,
        Integer.MAX_VALUE,
        Integer.MIN_VALUE,
        0xFFFF_FFFFL,
        1L << 32,
        Long.MAX_VALUE,
        Long.MIN_VALUE,
        Long.MAX_VALUE - 7
    };

    private final Mapping mapping;
    private final UnsafeBuffer all;
    private final UnsafeBuffer requests;
    private final UnsafeBuffer events;
    private final UnsafeBuffer replies;
    private final UnsafeBuffer words;
    private final int capacity;
    private final EventFd bell;
    private final int[] lengths;
    private long tail;
    private Random random = new Random(0);

    /**
     * Takes the end over.
     *
     * @param link mapped once more
     * @param bell wakes the other side
     * @param lengths of the messages of this direction, by their type; the first is 0
     */
    RingLies(Fd link, EventFd bell, int[] lengths) {
        this.mapping = Mapping.shared(link, 0, FileIo.size(link), Mapping.Access.READ_WRITE);
        this.all = mapping.buffer();
        this.requests = region(LinkLayout.HEADER_REQUEST_RING);
        this.events = region(LinkLayout.HEADER_EVENT_RING);
        this.replies = region(LinkLayout.HEADER_REPLY_REGION);
        this.words = region(LinkLayout.HEADER_DOORBELL_REGION);
        this.capacity = requests.capacity() - IpcRingLayout.TRAILER_LENGTH_BYTES;
        this.bell = bell;
        this.lengths = lengths.clone();
        follow();
    }

    /** Of what a vCPU process sends. */
    static int[] ofRequests() {
        DeviceRequestType[] types = DeviceRequestType.values();
        int[] lengths = new int[types.length + 1];
        for (DeviceRequestType type : types) {
            lengths[type.number()] = type.lengthBytes();
        }
        return lengths;
    }

    /** Of what a supervisor sends. */
    static int[] ofSupervisor() {
        SupervisorRequestType[] types = SupervisorRequestType.values();
        int[] lengths = new int[types.length + 1];
        for (SupervisorRequestType type : types) {
            lengths[type.number()] = type.lengthBytes();
        }
        return lengths;
    }

    private UnsafeBuffer region(int header) {
        return mapping.buffer(all.getLong(header), (int) all.getLong(header + Long.BYTES));
    }

    /** Goes on where the honest owner of this end is by now. */
    void follow() {
        tail = requests.getLongVolatile(capacity + IpcRingLayout.TAIL_OFFSET) & -8L;
    }

    /** Lies of all kinds. */
    void storm(int count, int seed) {
        Random which = new Random(seed);
        for (int i = 0; i < count; i++) {
            tell(LIES.get(which.nextInt(LIES.size())), which.nextInt());
        }
    }

    /** One lie. */
    void tell(RingLie lie, int seed) {
        random = new Random(seed);
        switch (lie) {
            case LENGTH_SHORT -> raw(1 + random.nextInt(7), type(), 0);
            case LENGTH_LONG -> raw(longLength(), type(), 0);
            case LENGTH_NEGATIVE -> raw(random.nextBoolean() ? Integer.MIN_VALUE : -1 - random.nextInt(600), type(), 0);
            case TYPE_NOT_POSITIVE -> raw(24, random.nextInt(4) == 0 ? 0 : -2 - random.nextInt(1 << 30), 0);
            case TYPE_UNKNOWN -> raw(24, lengths.length + random.nextInt(1 << 30), 24);
            case MESSAGE_LENGTH -> put(type(), random.nextInt(64));
            case FIELDS -> {
                int type = type();
                put(type, lengths[type]);
            }
            case PADDING -> raw(padding(), IpcRingLayout.PADDING_TYPE, 8);
            case TAIL -> requests.putLongRelease(capacity + IpcRingLayout.TAIL_OFFSET, position(tail));
            case HEAD -> {
                UnsafeBuffer ring = random.nextBoolean() ? requests : events;
                ring.putLongRelease(IpcRingLayout.headOffset(ring.capacity()), position(tail));
            }
            case RING_OF_THE_OTHER -> theirs();
            case WORDS -> words.putInt(LinkLayout.REGION_ALIGNMENT_BYTES * random.nextInt(4), (int) nasty());
            case REPLIES -> reply();
            case FLOOD -> flood();
            case NOISE -> all.putInt(WORD * random.nextInt(all.capacity() / WORD), (int) field());
        }
        bell.signal();
    }

    private void flood() {
        for (int i = 0; i < MOST_FLOODED; i++) {
            int type = type();
            if (!put(type, lengths[type])) {
                return;
            }
        }
    }

    private int longLength() {
        return switch (random.nextInt(3)) {
            case 0 -> MESSAGE_LIMIT + random.nextInt(64);
            case 1 -> capacity - index() + 1 + random.nextInt(4096);
            default -> Integer.MAX_VALUE - random.nextInt(1 << random.nextInt(20));
        };
    }

    private int padding() {
        return random.nextBoolean() ? 8 : capacity - index() + 8 * (1 + random.nextInt(64));
    }

    private void theirs() {
        int theirCapacity = events.capacity() - IpcRingLayout.TRAILER_LENGTH_BYTES;
        if (random.nextBoolean()) {
            long right = events.getLongVolatile(theirCapacity + IpcRingLayout.TAIL_OFFSET);
            events.putLongRelease(theirCapacity + IpcRingLayout.TAIL_OFFSET, position(right));
        } else {
            events.putInt(WORD * random.nextInt(theirCapacity / WORD), (int) nasty());
        }
    }

    private void reply() {
        if (replies.capacity() >= LinkLayout.SLOT_LENGTH_BYTES) {
            replies.putLong(8 * random.nextInt(replies.capacity() / 8), nasty());
        }
    }

    private long nasty() {
        return NASTY[random.nextInt(NASTY.length)];
    }

    private long field() {
        return switch (random.nextInt(4)) {
            case 0 -> nasty();
            case 1 -> random.nextInt(16);
            case 2 -> random.nextInt(16) | (long) random.nextInt(16) << 32;
            default -> random.nextLong();
        };
    }

    /** A position near to or far from where it should be. */
    private long position(long right) {
        return switch (random.nextInt(5)) {
            case 0 -> right + nasty();
            case 1 -> right - 8L * random.nextInt(capacity / 8);
            case 2 -> right + 8L * random.nextInt(capacity / 4);
            case 3 -> right + 1 + random.nextInt(7);
            default -> nasty();
        };
    }

    private int type() {
        return 1 + random.nextInt(lengths.length - 1);
    }

    private int index() {
        return (int) tail & (capacity - 1);
    }

    /** A header with these numbers where the reader looks next; {@code takes} is by how much a reader that accepts it moves on. */
    private void raw(int length, int type, int takes) {
        int at = index();
        requests.putInt(at + WORD, type);
        for (int i = 8; i < 64 && at + i + 8 <= capacity; i += 8) {
            requests.putLong(at + i, field());
        }
        requests.putIntRelease(at, length);
        tail += takes;
        publish();
    }

    /** A well-formed record with any fields; false when there is no room. */
    private boolean put(int type, int messageBytes) {
        int record = IpcRingLayout.recordBytes(messageBytes);
        int toEnd = capacity - index();
        if (record > toEnd) {
            requests.putInt(index() + WORD, IpcRingLayout.PADDING_TYPE);
            requests.putIntRelease(index(), toEnd);
            tail += toEnd;
        }
        int at = index();
        if (requests.getIntVolatile(at) != 0) {
            return false;
        }
        requests.putInt(at + WORD, type);
        for (int i = 0; i < messageBytes; i += WORD) {
            requests.putInt(at + IpcRingLayout.RECORD_HEADER_BYTES + i, (int) field());
        }
        requests.putIntRelease(at, messageBytes + IpcRingLayout.RECORD_HEADER_BYTES);
        tail += record;
        publish();
        return true;
    }

    private void publish() {
        requests.putLongRelease(capacity + IpcRingLayout.TAIL_OFFSET, tail);
    }

    @Override
    public void close() {
        mapping.close();
    }
}
