package io.jvmm.ipc.message;

import static io.jvmm.ipc.message.DeviceRequestLayout.MAX_QUEUE;
import static io.jvmm.ipc.message.DeviceRequestLayout.MAX_REGION;
import static io.jvmm.ipc.message.DeviceRequestLayout.OFFSET;
import static io.jvmm.ipc.message.DeviceRequestLayout.QUEUE;
import static io.jvmm.ipc.message.DeviceRequestLayout.REGION;
import static io.jvmm.ipc.message.DeviceRequestLayout.SEQUENCE;
import static io.jvmm.ipc.message.DeviceRequestLayout.VALUE;
import static io.jvmm.ipc.message.DeviceRequestLayout.VCPU;
import static io.jvmm.ipc.message.DeviceRequestLayout.WIDTH;

import io.jvmm.ipc.ring.HardenedReader;
import io.jvmm.ipc.ring.Violation.Kind;
import org.agrona.DirectBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Reads and validates the requests of a device link. One thread; nothing is allocated; the vCPU process is hostile: the
 * reader's copy of the message is private, so what was validated stays valid.
 */
public final class DeviceRequestAdapter {
    private final HardenedReader reader;
    private final DirectBuffer message;
    private final int replySlots;
    private DeviceRequestType type = DeviceRequestType.RESET;
    private int vcpu;
    private int region;
    private int offset;
    private int widthBytes;

    /** An adapter for a link with {@code replySlots} vCPUs. */
    public DeviceRequestAdapter(HardenedReader reader, int replySlots) {
        this.reader = reader;
        this.message = reader.message();
        this.replySlots = replySlots;
    }

    /** Makes the next request current; false when there is none or the link is severed. */
    public boolean next() {
        return reader.next() && validate();
    }

    private boolean validate() {
        @Nullable DeviceRequestType found = DeviceRequestType.of(reader.type());
        if (found == null) {
            return reader.sever(Kind.UNKNOWN_MESSAGE);
        }
        if (reader.length() != found.lengthBytes()) {
            return reader.sever(Kind.MESSAGE_LENGTH);
        }
        type = found;
        vcpu = message.getInt(VCPU);
        boolean valid = inRange(vcpu, replySlots - 1)
                && switch (found) {
                    case READ, WRITE -> takeAccess();
                    case KICK -> inRange(queue(), MAX_QUEUE);
                    case RESET -> true;
                };
        return valid || reader.sever(Kind.MESSAGE_FIELD);
    }

    private boolean takeAccess() {
        region = message.getInt(REGION);
        offset = message.getInt(OFFSET);
        widthBytes = message.getInt(WIDTH);
        return inRange(region, MAX_REGION) && offset >= 0 && isWidth(widthBytes);
    }

    private static boolean inRange(int value, int max) {
        return value >= 0 && value <= max;
    }

    private static boolean isWidth(int bytes) {
        return bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8;
    }

    public DeviceRequestType type() {
        return type;
    }

    /** The vCPU that asks, below the number of reply slots. */
    public int vcpu() {
        return vcpu;
    }

    /** READ, WRITE: the device's own number of the window, 0..255. */
    public int region() {
        return region;
    }

    /** READ, WRITE: byte offset in the window, not negative. */
    public int offset() {
        return offset;
    }

    /** READ, WRITE: 1, 2, 4 or 8 bytes. */
    public int widthBytes() {
        return widthBytes;
    }

    /** WRITE: what was written; bytes above the width are whatever the sender left there. */
    public long value() {
        return message.getLong(VALUE);
    }

    /** READ: what the reply must carry. */
    public long sequence() {
        return message.getLong(SEQUENCE);
    }

    /** KICK: which virtqueue, 0..65535. */
    public int queue() {
        return message.getInt(QUEUE);
    }
}
