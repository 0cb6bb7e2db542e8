package io.jvmm.ipc.message;

import static io.jvmm.ipc.message.DeviceRequestLayout.OFFSET;
import static io.jvmm.ipc.message.DeviceRequestLayout.QUEUE;
import static io.jvmm.ipc.message.DeviceRequestLayout.REGION;
import static io.jvmm.ipc.message.DeviceRequestLayout.SEQUENCE;
import static io.jvmm.ipc.message.DeviceRequestLayout.VALUE;
import static io.jvmm.ipc.message.DeviceRequestLayout.VCPU;
import static io.jvmm.ipc.message.DeviceRequestLayout.WIDTH;

import io.jvmm.ipc.ring.GuardedProducer;
import org.agrona.concurrent.AtomicBuffer;

/** Writes the requests of a device link. Any thread; nothing is allocated; the device is hostile. */
public final class DeviceRequestProxy {
    private final GuardedProducer producer;
    private final AtomicBuffer buffer;

    public DeviceRequestProxy(GuardedProducer producer) {
        this.producer = producer;
        this.buffer = producer.buffer();
    }

    /** False when there is no room or the link is severed. */
    public boolean read(int vcpu, int region, long sequence, int offset, int widthBytes) {
        return access(DeviceRequestType.READ, vcpu, region, SEQUENCE, sequence, offset, widthBytes);
    }

    /** False when there is no room or the link is severed. */
    public boolean write(int vcpu, int region, long value, int offset, int widthBytes) {
        return access(DeviceRequestType.WRITE, vcpu, region, VALUE, value, offset, widthBytes);
    }

    /** False when there is no room or the link is severed. */
    public boolean kick(int vcpu, int queue) {
        return pair(DeviceRequestType.KICK, vcpu, queue);
    }

    /** False when there is no room or the link is severed. */
    public boolean reset(int vcpu) {
        return pair(DeviceRequestType.RESET, vcpu, 0);
    }

    private boolean access(
            DeviceRequestType type, int vcpu, int region, int at, long word, int offset, int widthBytes) {
        int index = producer.claim(type.number(), type.lengthBytes());
        if (index < 0) {
            return false;
        }
        buffer.putInt(index + VCPU, vcpu);
        buffer.putInt(index + REGION, region);
        buffer.putLong(index + at, word);
        buffer.putInt(index + OFFSET, offset);
        buffer.putInt(index + WIDTH, widthBytes);
        return producer.commit(index);
    }

    private boolean pair(DeviceRequestType type, int vcpu, int second) {
        int index = producer.claim(type.number(), type.lengthBytes());
        if (index < 0) {
            return false;
        }
        buffer.putInt(index + VCPU, vcpu);
        buffer.putInt(index + QUEUE, second);
        return producer.commit(index);
    }
}
