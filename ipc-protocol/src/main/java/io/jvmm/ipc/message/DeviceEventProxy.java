package io.jvmm.ipc.message;

import static io.jvmm.ipc.message.DeviceEventLayout.DETAIL;
import static io.jvmm.ipc.message.DeviceEventLayout.FIRST;
import static io.jvmm.ipc.message.DeviceEventLayout.SECOND;

import io.jvmm.ipc.ring.GuardedProducer;

/**
 * Writes the events of a device link. Any thread; nothing is allocated. Every method is false when there is no room or
 * the link is severed; nothing was sent then.
 */
public final class DeviceEventProxy {
    private final GuardedProducer producer;

    public DeviceEventProxy(GuardedProducer producer) {
        this.producer = producer;
    }

    public boolean configChanged(int function, int generation) {
        return send(DeviceEventType.CONFIG_CHANGED, function, generation, 0);
    }

    public boolean needsReset(int function, int reason) {
        return send(DeviceEventType.NEEDS_RESET, function, reason, 0);
    }

    public boolean guestError(int code, long detail) {
        return send(DeviceEventType.GUEST_ERROR, code, 0, detail);
    }

    public boolean power(PowerAction action, PowerOrigin origin) {
        return send(DeviceEventType.POWER, action.number(), origin.number(), 0);
    }

    public boolean pciFunction(PciFunction declaration) {
        int index = producer.claim(DeviceEventType.PCI_FUNCTION.number(), PciFunction.LENGTH_BYTES);
        if (index < 0) {
            return false;
        }
        declaration.encode(producer.buffer(), index);
        return producer.commit(index);
    }

    /**
     * Declares a vendor capability of a function.
     *
     * @param bytes 4 to 32 of them, a multiple of 4
     */
    public boolean pciCapability(int function, byte[] bytes) {
        int length = DeviceEventType.PCI_CAPABILITY.lengthBytes();
        int index = producer.claim(DeviceEventType.PCI_CAPABILITY.number(), length);
        if (index < 0) {
            return false;
        }
        producer.buffer().putInt(index + FIRST, function);
        producer.buffer().putInt(index + SECOND, bytes.length);
        producer.buffer().setMemory(index + DETAIL, length - DETAIL, (byte) 0);
        producer.buffer().putBytes(index + DETAIL, bytes);
        return producer.commit(index);
    }

    private boolean send(DeviceEventType type, int first, int second, long detail) {
        int index = producer.claim(type.number(), type.lengthBytes());
        if (index < 0) {
            return false;
        }
        producer.buffer().putInt(index + FIRST, first);
        producer.buffer().putInt(index + SECOND, second);
        if (type.lengthBytes() > DETAIL) {
            producer.buffer().putLong(index + DETAIL, detail);
        }
        return producer.commit(index);
    }
}
