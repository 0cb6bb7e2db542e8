package io.jvmm.ipc.message;

import static io.jvmm.ipc.message.DeviceEventLayout.DETAIL;
import static io.jvmm.ipc.message.DeviceEventLayout.FIRST;
import static io.jvmm.ipc.message.DeviceEventLayout.MAX_FUNCTION;
import static io.jvmm.ipc.message.DeviceEventLayout.SECOND;

import io.jvmm.ipc.ring.HardenedReader;
import io.jvmm.ipc.ring.Violation.Kind;
import org.agrona.DirectBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Reads and validates the events of a device link and hands them to a handler. One thread; nothing is allocated; the
 * device is hostile.
 */
public final class DeviceEventAdapter {
    private final HardenedReader reader;
    private final DirectBuffer message;

    public DeviceEventAdapter(HardenedReader reader) {
        this.reader = reader;
        this.message = reader.message();
    }

    /**
     * Delivers at most {@code limit} events.
     *
     * @return how many were delivered
     */
    public int poll(DeviceEventHandler handler, int limit) {
        int delivered = 0;
        while (delivered < limit && reader.next()) {
            boolean valid = deliver(handler);
            reader.release();
            if (!valid) {
                break;
            }
            delivered++;
        }
        return delivered;
    }

    private boolean deliver(DeviceEventHandler handler) {
        @Nullable DeviceEventType type = DeviceEventType.of(reader.type());
        if (type == null) {
            return reader.sever(Kind.UNKNOWN_MESSAGE);
        }
        if (reader.length() != type.lengthBytes()) {
            return reader.sever(Kind.MESSAGE_LENGTH);
        }
        int first = message.getInt(FIRST);
        int second = message.getInt(SECOND);
        boolean valid = switch (type) {
            case CONFIG_CHANGED -> {
                boolean known = isFunction(first);
                if (known) {
                    handler.configChanged(first, second);
                }
                yield known;
            }
            case NEEDS_RESET -> {
                boolean known = isFunction(first);
                if (known) {
                    handler.needsReset(first, second);
                }
                yield known;
            }
            case GUEST_ERROR -> {
                handler.guestError(first, message.getLong(DETAIL));
                yield true;
            }
            case POWER -> power(handler, first, second);
            case PCI_FUNCTION -> pciFunction(handler);
            case PCI_CAPABILITY -> pciCapability(handler, first, second);
        };
        return valid || reader.sever(Kind.MESSAGE_FIELD);
    }

    private boolean pciFunction(DeviceEventHandler handler) {
        final PciFunction declaration;
        try {
            declaration = PciFunction.decode(message, 0);
        } catch (IllegalArgumentException e) {
            return false;
        }
        handler.pciFunction(declaration);
        return true;
    }

    private boolean pciCapability(DeviceEventHandler handler, int function, int lengthBytes) {
        if (!isFunction(function)
                || lengthBytes < Integer.BYTES
                || lengthBytes > DeviceEventLayout.MAX_CAPABILITY_BYTES
                || (lengthBytes & 3) != 0) {
            return false;
        }
        byte[] bytes = new byte[lengthBytes];
        message.getBytes(DETAIL, bytes);
        handler.pciCapability(function, bytes);
        return true;
    }

    private static boolean isFunction(int function) {
        return function >= 0 && function <= MAX_FUNCTION;
    }

    private static boolean power(DeviceEventHandler handler, int actionNumber, int originNumber) {
        @Nullable PowerAction action = PowerAction.of(actionNumber);
        @Nullable PowerOrigin origin = PowerOrigin.of(originNumber);
        if (action == null || origin == null) {
            return false;
        }
        handler.power(action, origin);
        return true;
    }
}
