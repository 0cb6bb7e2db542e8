package io.jvmm.ipc.hostile;

import io.jvmm.ipc.link.LinkLayout;
import io.jvmm.ipc.message.DeviceEventType;
import io.jvmm.ipc.message.DeviceRequestType;
import io.jvmm.ipc.message.PciFunction;
import io.jvmm.ipc.message.SupervisorEventType;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.ring.IpcRingLayout;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Mapping;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * One end of a link in the hands of somebody who has taken its process over: it maps the memfd and writes what it likes, by the wire
 * format of PROTOCOL.md and not by our endpoints. The same seed tells the same lies as long as the other side does the same.
 *
 * <p>One thread at a time. Nothing here waits, and none of it is checked: what is looked at is the other side.
 */
public final class HostilePeer implements AutoCloseable {
    private static final int[] WIDTHS = {1, 2, 4, 8};

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

    private static final PciFunction FUNCTION =
            new PciFunction(0, 0x1AF4, 0x1044, 0x1AF4, 4, 0xFF_0000, 1, 2, 1, 16384, 0x3000, 4, 4);

    /** Which end this is. */
    public enum Side {
        DEVICE(true),
        BOARD(false),
        PROCESS(true),
        SUPERVISOR(false);

        private final boolean sendsEvents;

        Side(boolean sendsEvents) {
            this.sendsEvents = sendsEvents;
        }

        private int[] types() {
            return switch (this) {
                case DEVICE ->
                    Arrays.stream(DeviceEventType.values())
                            .mapToInt(DeviceEventType::number)
                            .toArray();
                case BOARD ->
                    Arrays.stream(DeviceRequestType.values())
                            .mapToInt(DeviceRequestType::number)
                            .toArray();
                case PROCESS ->
                    Arrays.stream(SupervisorEventType.values())
                            .mapToInt(SupervisorEventType::number)
                            .toArray();
                case SUPERVISOR ->
                    Arrays.stream(SupervisorRequestType.values())
                            .mapToInt(SupervisorRequestType::number)
                            .toArray();
            };
        }

        /** Length of the message of a type; 16 for one that the direction does not have. */
        private int lengthBytes(int type) {
            return switch (this) {
                case DEVICE -> {
                    DeviceEventType known = DeviceEventType.of(type);
                    yield known == null ? 16 : known.lengthBytes();
                }
                case BOARD -> {
                    DeviceRequestType known = DeviceRequestType.of(type);
                    yield known == null ? 16 : known.lengthBytes();
                }
                case PROCESS -> {
                    SupervisorEventType known = SupervisorEventType.of(type);
                    yield known == null ? 16 : known.lengthBytes();
                }
                case SUPERVISOR -> 16;
            };
        }

        private int longestBytes() {
            return IntStream.of(types()).map(this::lengthBytes).max().orElseThrow();
        }
    }

    private final Side side;
    private final Mapping mapping;
    private final UnsafeBuffer all;
    private final UnsafeBuffer mine;
    private final UnsafeBuffer theirs;
    private final UnsafeBuffer replies;
    private final UnsafeBuffer words;
    private final int slots;
    private final int capacity;
    private final EventFd bell;
    private final EventFd ownBell;
    private final Random random;
    private final int[] types;
    private long tail;
    private int lastType;
    private byte[] lastMessage = new byte[0];
    private long lastAt;

    /**
     * Takes an end over.
     *
     * @param link the memfd; mapped once more
     * @param requestDoorbell rung by whoever sends requests
     * @param eventDoorbell rung by whoever sends events
     */
    public HostilePeer(Fd link, Side side, EventFd requestDoorbell, EventFd eventDoorbell, long seed) {
        this.side = side;
        this.mapping = Mapping.shared(link, 0, FileIo.size(link), Mapping.Access.READ_WRITE);
        this.all = mapping.buffer();
        UnsafeBuffer requests = region(LinkLayout.HEADER_REQUEST_RING);
        UnsafeBuffer events = region(LinkLayout.HEADER_EVENT_RING);
        this.mine = side.sendsEvents ? events : requests;
        this.theirs = side.sendsEvents ? requests : events;
        this.replies = region(LinkLayout.HEADER_REPLY_REGION);
        this.words = region(LinkLayout.HEADER_DOORBELL_REGION);
        this.slots = all.getInt(LinkLayout.HEADER_REPLY_SLOTS);
        this.capacity = mine.capacity() - IpcRingLayout.TRAILER_LENGTH_BYTES;
        this.bell = side.sendsEvents ? eventDoorbell : requestDoorbell;
        this.ownBell = side.sendsEvents ? requestDoorbell : eventDoorbell;
        this.random = new Random(seed);
        this.types = side.types();
        // Somebody honest may have had this end before.
        this.tail = mine.getLongVolatile(capacity + IpcRingLayout.TAIL_OFFSET) & -8L;
    }

    private UnsafeBuffer region(int header) {
        return mapping.buffer(all.getLong(header), (int) all.getLong(header + Long.BYTES));
    }

    /** Goes on where the honest owner of this end is by now. */
    public void follow() {
        tail = mine.getLongVolatile(capacity + IpcRingLayout.TAIL_OFFSET) & -8L;
    }

    /** One step of any lie. */
    public Lie step() {
        Lie[] lies = Lie.values();
        Lie lie = lies[random.nextInt(lies.length)];
        tell(lie);
        return lie;
    }

    /** One step of this lie. */
    public void tell(Lie lie) {
        switch (lie) {
            case LENGTH_SHORT -> raw(1 + random.nextInt(7), type(), 0);
            case LENGTH_PAST_LIMIT -> raw(side.longestBytes() + 9 + random.nextInt(64), type(), 0);
            case LENGTH_PAST_RING -> raw(capacity - index() + 1 + random.nextInt(4096), type(), 0);
            case LENGTH_HUGE -> raw(Integer.MAX_VALUE - random.nextInt(1 << random.nextInt(20)), type(), 0);
            case LENGTH_NEGATIVE -> raw(random.nextBoolean() ? Integer.MIN_VALUE : -random.nextInt(600), type(), 0);
            case TYPE_NOT_POSITIVE -> raw(24, random.nextInt(4) == 0 ? 0 : -2 - random.nextInt(1 << 30), 0);
            case TYPE_UNKNOWN -> {
                int type = random.nextBoolean() ? 200 + random.nextInt(1 << 30) : Integer.MAX_VALUE;
                raw(24, type, 24);
            }
            case MESSAGE_LENGTH -> {
                int type = type();
                int right = side.lengthBytes(type);
                int wrong = random.nextInt(side.longestBytes() + 1);
                put(type, bytes(wrong == right ? (right + 8) % side.longestBytes() : wrong));
            }
            case FIELDS -> {
                int type = type();
                put(type, bytes(side.lengthBytes(type)));
            }
            case REPLAY -> replay();
            case TORN -> torn();
            case PADDING_CHAIN -> paddings();
            case PADDING_PAST_RING -> raw(capacity - index() + 8 * (1 + random.nextInt(64)), -1, 0);
            case TAIL -> mine.putLongRelease(capacity + IpcRingLayout.TAIL_OFFSET, position(tail));
            case HEAD -> {
                UnsafeBuffer ring = random.nextBoolean() ? mine : theirs;
                ring.putLongRelease(IpcRingLayout.headOffset(ring.capacity()), position(theirHead()));
            }
            case HEAD_CACHE ->
                theirs.putLongRelease(theirCapacity() + IpcRingLayout.HEAD_CACHE_OFFSET, position(theirHead()));
            case TAIL_OF_THE_OTHER ->
                theirs.putLongRelease(theirCapacity() + IpcRingLayout.TAIL_OFFSET, position(theirHead()));
            case RECORDS_OF_THE_OTHER ->
                theirs.putInt(4 * random.nextInt(theirCapacity() / 4), (int) NASTY[random.nextInt(NASTY.length)]);
            case FLOOD -> flood(1 + random.nextInt(64));
            case BELLS -> bell.signal();
            case STOLEN_BELLS -> (random.nextBoolean() ? bell : ownBell).drain();
            case WORDS -> words.putInt(128 * random.nextInt(4), (int) NASTY[random.nextInt(NASTY.length)]);
            case REPLIES -> reply();
            case HEADER -> all.putInt(4 * random.nextInt(LinkLayout.HEADER_LENGTH_BYTES / 4), random.nextInt());
            case NOISE ->
                all.putInt(
                        4 * random.nextInt(all.capacity() / 4),
                        random.nextBoolean() ? random.nextInt() : (int) NASTY[random.nextInt(NASTY.length)]);
        }
    }

    private int theirCapacity() {
        return theirs.capacity() - IpcRingLayout.TRAILER_LENGTH_BYTES;
    }

    private long theirHead() {
        return theirs.getLongVolatile(theirCapacity() + IpcRingLayout.HEAD_OFFSET);
    }

    /** A position near to or far from where it should be. */
    private long position(long right) {
        return switch (random.nextInt(6)) {
            case 0 -> right + NASTY[random.nextInt(NASTY.length)];
            case 1 -> right - 8L * random.nextInt(capacity / 8);
            case 2 -> right + 8L * random.nextInt(capacity / 4);
            case 3 -> right + 1 + random.nextInt(7);
            case 4 -> right + capacity * (long) (random.nextInt(5) - 2);
            default -> NASTY[random.nextInt(NASTY.length)];
        };
    }

    private int type() {
        return types[random.nextInt(types.length)];
    }

    private int index() {
        return (int) tail & (capacity - 1);
    }

    /** A header with these numbers where the reader looks next; {@code takes} is by how much a reader that accepts it moves on. */
    private void raw(int length, int type, int takes) {
        int at = index();
        mine.putInt(at + Integer.BYTES, type);
        for (int i = 8; i < 64 && at + i + 8 <= capacity; i += 8) {
            mine.putLong(at + i, field());
        }
        mine.putIntRelease(at, length);
        tail += takes;
        publish();
    }

    /**
     * A well-formed record.
     *
     * @return false when there is no room, because the other side does not read
     */
    public boolean put(int type, byte[] message) {
        int record = IpcRingLayout.recordBytes(message.length);
        int toEnd = capacity - index();
        if (record > toEnd) {
            if (mine.getIntVolatile(index()) != 0) {
                return false;
            }
            mine.putInt(index() + Integer.BYTES, IpcRingLayout.PADDING_TYPE);
            mine.putIntRelease(index(), toEnd);
            tail += toEnd;
        }
        int at = index();
        if (mine.getIntVolatile(at) != 0 || tail - myHead() > capacity - record) {
            return false;
        }
        mine.putInt(at + Integer.BYTES, type);
        mine.putBytes(at + IpcRingLayout.RECORD_HEADER_BYTES, message);
        mine.putIntRelease(at, message.length + IpcRingLayout.RECORD_HEADER_BYTES);
        lastType = type;
        lastMessage = message;
        lastAt = tail;
        tail += record;
        publish();
        return true;
    }

    private long myHead() {
        return mine.getLongVolatile(capacity + IpcRingLayout.HEAD_OFFSET);
    }

    private void publish() {
        mine.putLongRelease(capacity + IpcRingLayout.TAIL_OFFSET, tail);
        bell.signal();
    }

    private void replay() {
        if (lastMessage.length == 0) {
            put(type(), bytes(16));
            return;
        }
        int at = (int) lastAt & (capacity - 1);
        mine.putInt(at + Integer.BYTES, lastType);
        mine.putBytes(at + IpcRingLayout.RECORD_HEADER_BYTES, lastMessage);
        mine.putIntRelease(at, lastMessage.length + IpcRingLayout.RECORD_HEADER_BYTES);
        bell.signal();
    }

    /** Changes the record that was written last, header and all, without a sign. */
    private void torn() {
        int type = type();
        if (lastMessage.length == 0 && !put(type, bytes(side.lengthBytes(type)))) {
            return;
        }
        int at = (int) lastAt & (capacity - 1);
        int offset = random.nextInt(lastMessage.length + 8);
        mine.putByte(Math.min(at + offset, capacity - 1), (byte) random.nextInt());
    }

    private void paddings() {
        for (int i = 0; i < 12; i++) {
            int at = index();
            if (capacity - at < 16 || mine.getIntVolatile(at) != 0) {
                return;
            }
            mine.putInt(at + Integer.BYTES, IpcRingLayout.PADDING_TYPE);
            mine.putIntRelease(at, 8 * (1 + random.nextInt(2)));
            tail += mine.getInt(at) <= 8 ? 8 : 16;
        }
        publish();
    }

    /** Messages that nothing is wrong with, as far as the protocol goes; returns how many found room. */
    public int flood(int most) {
        int sent = 0;
        while (sent < most && put(floodType(), plausible(lastFlood))) {
            sent++;
        }
        return sent;
    }

    private int lastFlood;

    private int floodType() {
        lastFlood = type();
        return lastFlood;
    }

    /** A message of a type that passes its checks. */
    public byte[] plausible(int type) {
        UnsafeBuffer message = new UnsafeBuffer(new byte[side.lengthBytes(type)]);
        switch (side) {
            case BOARD -> {
                message.putInt(0, random.nextInt(Math.max(1, slots)));
                message.putInt(4, random.nextInt(4));
                if (message.capacity() >= 24) {
                    message.putLong(8, random.nextInt(8) == 0 ? field() : random.nextInt(256));
                    message.putInt(16, random.nextInt(1 << random.nextInt(14)));
                    message.putInt(20, WIDTHS[random.nextInt(4)]);
                }
            }
            case SUPERVISOR -> message.putLong(0, random.nextInt(4) == 0 ? field() : random.nextInt(65536));
            case DEVICE -> {
                if (type == DeviceEventType.PCI_FUNCTION.number()) {
                    FUNCTION.encode(message, 0);
                } else if (type == DeviceEventType.PCI_CAPABILITY.number()) {
                    message.putInt(4, 4 * (1 + random.nextInt(8)));
                } else {
                    message.putInt(0, 1 + random.nextInt(2));
                    message.putInt(4, 1 + random.nextInt(3));
                }
            }
            case PROCESS -> {
                message.putInt(0, 1 + random.nextInt(2));
                if (type == SupervisorEventType.LOG.number() || type == SupervisorEventType.ENGINE.number()) {
                    byte[] text = bytes(480);
                    message.putInt(4, text.length);
                    message.putBytes(8, text);
                }
            }
        }
        return message.byteArray();
    }

    private void reply() {
        if (slots == 0) {
            return;
        }
        int at = LinkLayout.SLOT_LENGTH_BYTES * random.nextInt(slots);
        switch (random.nextInt(4)) {
            case 0 -> replies.putInt(at + LinkLayout.SLOT_ASLEEP, (int) NASTY[random.nextInt(NASTY.length)]);
            case 1 -> replies.putLong(at + LinkLayout.SLOT_VALUE, field());
            case 2 -> replies.putLongRelease(at + LinkLayout.SLOT_SEQUENCE, NASTY[random.nextInt(NASTY.length)]);
            default ->
                replies.putLongRelease(
                        at + LinkLayout.SLOT_SEQUENCE,
                        replies.getLongVolatile(at + LinkLayout.SLOT_SEQUENCE) + random.nextInt(3) - 1);
        }
    }

    private long field() {
        return switch (random.nextInt(4)) {
            case 0 -> NASTY[random.nextInt(NASTY.length)];
            case 1 -> random.nextInt(16);
            case 2 -> random.nextInt(16) | (long) random.nextInt(16) << 32;
            default -> random.nextLong();
        };
    }

    private byte[] bytes(int length) {
        byte[] bytes = new byte[length];
        if (random.nextBoolean()) {
            random.nextBytes(bytes);
        } else {
            UnsafeBuffer fields = new UnsafeBuffer(bytes);
            for (int i = 0; i + 4 <= length; i += 4) {
                fields.putInt(i, (int) field());
            }
        }
        return bytes;
    }

    /** Where the record that is written next will lie. */
    public long tail() {
        return tail;
    }

    /** What the other side fills, for who wants to listen all the same. */
    public UnsafeBuffer theirRing() {
        return theirs;
    }

    /** The memory, from the header on. */
    public UnsafeBuffer memory() {
        return all;
    }

    @Override
    public void close() {
        mapping.close();
    }
}
