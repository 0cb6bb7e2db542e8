package io.jvmm.device.virtio;

import org.jspecify.annotations.Nullable;

/**
 * The registers in BAR 0 (virtio 1.2 §4.1.4): common configuration, ISR status, device configuration, doorbells. An access that
 * the specification does not provide for reads as zero or does nothing, and is counted. Device thread; allocates nothing.
 */
final class TransportRegisters {
    private static final long U32 = 0xFFFF_FFFFL;
    private static final int U16 = 0xFFFF;

    private final VirtioFunction function;
    private final TransportState state;
    private final Queue[] queues;
    private final VirtioDevice device;
    private final VirtioIdentity identity;

    TransportRegisters(
            VirtioFunction function,
            TransportState state,
            Queue[] queues,
            VirtioDevice device,
            VirtioIdentity identity) {
        this.function = function;
        this.state = state;
        this.queues = queues;
        this.device = device;
        this.identity = identity;
    }

    long read(int offset, int widthBytes) {
        if (offset < FunctionLayout.ISR) {
            CommonConfig register = CommonConfig.at(offset, widthBytes);
            if (register == null) {
                return strangeAccess(offset, widthBytes);
            }
            long value = read(register);
            return widthBytes == 4 && offset != register.offset() ? value >>> 32 : value;
        }
        if (offset < FunctionLayout.DEVICE) {
            return offset == FunctionLayout.ISR && widthBytes == 1
                    ? function.takeIsr()
                    : strangeAccess(offset, widthBytes);
        }
        if (offset < FunctionLayout.NOTIFY) {
            int into = offset - FunctionLayout.DEVICE;
            return into + widthBytes <= identity.configLengthBytes()
                    ? device.readConfig(into, widthBytes)
                    : strangeAccess(offset, widthBytes);
        }
        return 0; // doorbells are for writing
    }

    private long strangeAccess(int offset, int widthBytes) {
        function.guestError(VirtioError.ACCESS_WIDTH, offset, widthBytes);
        return 0;
    }

    private @Nullable Queue selected() {
        int index = state.queueSelect();
        return index < queues.length ? queues[index] : null;
    }

    private long read(CommonConfig register) {
        return switch (register) {
            case DEVICE_FEATURE_SELECT -> state.deviceFeatureSelect() & U32;
            case DEVICE_FEATURE -> half(function.offered(), state.deviceFeatureSelect());
            case DRIVER_FEATURE_SELECT -> state.driverFeatureSelect() & U32;
            case DRIVER_FEATURE -> half(state.driverFeatures(), state.driverFeatureSelect());
            case CONFIG_MSIX_VECTOR -> state.configVector();
            case NUM_QUEUES -> queues.length;
            case DEVICE_STATUS -> function.visibleStatus();
            case CONFIG_GENERATION -> state.generation();
            case QUEUE_SELECT -> state.queueSelect();
            case QUEUE_SIZE,
                    QUEUE_MSIX_VECTOR,
                    QUEUE_ENABLE,
                    QUEUE_NOTIFY_OFF,
                    QUEUE_DESC,
                    QUEUE_DRIVER,
                    QUEUE_DEVICE,
                    QUEUE_NOTIFY_DATA,
                    QUEUE_RESET -> readQueue(register);
        };
    }

    private static long half(long features, int select) {
        return select == 0 ? features & U32 : select == 1 ? features >>> 32 : 0;
    }

    /** A queue that does not exist has size 0 (§4.1.4.3.1). */
    private long readQueue(CommonConfig register) {
        Queue queue = selected();
        if (queue == null) {
            return register == CommonConfig.QUEUE_MSIX_VECTOR ? CommonConfig.NO_VECTOR : 0;
        }
        QueueState at = queue.state();
        int index = state.queueSelect();
        return switch (register) {
            case QUEUE_SIZE -> at.size();
            case QUEUE_MSIX_VECTOR -> at.vector();
            case QUEUE_ENABLE -> at.enabled() ? 1 : 0;
            case QUEUE_NOTIFY_OFF, QUEUE_NOTIFY_DATA -> index;
            case QUEUE_DESC -> at.desc();
            case QUEUE_DRIVER -> at.driver();
            case QUEUE_DEVICE -> at.device();
            case QUEUE_RESET -> function.queueResetting(index) ? 1 : 0;
            default -> 0;
        };
    }

    void write(int offset, int widthBytes, long value, long nowNs) {
        if (offset >= FunctionLayout.NOTIFY) {
            function.kick((offset - FunctionLayout.NOTIFY) / FunctionLayout.NOTIFY_MULTIPLIER, nowNs);
        } else if (offset >= FunctionLayout.DEVICE) {
            int into = offset - FunctionLayout.DEVICE;
            if (into + widthBytes <= identity.configLengthBytes()) {
                device.writeConfig(into, widthBytes, value, nowNs);
            } else {
                strangeAccess(offset, widthBytes);
            }
        } else {
            CommonConfig register = CommonConfig.at(offset, widthBytes);
            if (register == null) {
                strangeAccess(offset, widthBytes);
            } else if (state.resetting() != 0 && function.visibleStatus() != 0) {
                function.guestError(VirtioError.STATUS, offset, value); // the driver has to wait (§2.4.2)
            } else {
                write(register, offset, widthBytes, value, nowNs);
            }
        }
    }

    private void write(CommonConfig register, int offset, int widthBytes, long value, long nowNs) {
        switch (register) {
            case DEVICE_FEATURE_SELECT -> state.deviceFeatureSelect((int) value);
            case DRIVER_FEATURE_SELECT -> state.driverFeatureSelect((int) value);
            case DRIVER_FEATURE -> driverFeature(value);
            case CONFIG_MSIX_VECTOR -> state.configVector(vector(value));
            case DEVICE_STATUS -> status((int) value, nowNs);
            case QUEUE_SELECT -> state.queueSelect((int) value);
            case DEVICE_FEATURE, NUM_QUEUES, CONFIG_GENERATION, QUEUE_NOTIFY_OFF, QUEUE_NOTIFY_DATA ->
                function.guestError(VirtioError.READ_ONLY, offset, value);
            case QUEUE_SIZE, QUEUE_MSIX_VECTOR, QUEUE_ENABLE, QUEUE_DESC, QUEUE_DRIVER, QUEUE_DEVICE, QUEUE_RESET -> {
                Queue queue = selected();
                if (queue == null) {
                    function.guestError(VirtioError.READ_ONLY, offset, value);
                } else {
                    writeQueue(queue, register, offset, widthBytes, value, nowNs);
                }
            }
        }
    }

    /** A vector that does not exist reads back as NO_VECTOR (§4.1.5.1.2.2). */
    private int vector(long value) {
        return value < identity.vectors() ? (int) value : CommonConfig.NO_VECTOR;
    }

    private void driverFeature(long value) {
        if ((state.status() & CommonConfig.FEATURES_OK) != 0) {
            function.guestError(VirtioError.READ_ONLY, CommonConfig.DRIVER_FEATURE.offset(), value);
            return;
        }
        switch (state.driverFeatureSelect()) {
            case 0 -> state.driverFeatures((state.driverFeatures() & ~U32) | (value & U32));
            case 1 -> state.driverFeatures((state.driverFeatures() & U32) | (value << 32));
            default -> {
                if (value != 0) {
                    function.guestError(VirtioError.FEATURES, state.driverFeatureSelect(), value);
                }
            }
        }
    }

    /** The state machine of §3.1.1. */
    private void status(int value, long nowNs) {
        if (value == 0) {
            function.reset(nowNs);
            return;
        }
        int before = state.status();
        int added = value & ~before & ~CommonConfig.NEEDS_RESET;
        if ((before & ~value & ~CommonConfig.NEEDS_RESET) != 0) {
            function.guestError(VirtioError.STATUS, before, value); // a bit cannot be taken back (§2.1.1)
        }
        state.status(before | (added & (CommonConfig.ACKNOWLEDGE | CommonConfig.DRIVER | CommonConfig.FAILED)));
        if ((added & CommonConfig.FEATURES_OK) != 0) {
            featuresOk();
        }
        if ((added & CommonConfig.DRIVER_OK) != 0) {
            driverOk(nowNs);
        }
    }

    private void featuresOk() {
        long features = state.driverFeatures();
        boolean acceptable = (features & ~function.offered()) == 0
                && (features & VirtioFeature.VERSION_1) != 0
                && device.acceptsFeatures(features);
        if (acceptable) {
            state.status(state.status() | CommonConfig.FEATURES_OK);
        } else {
            function.guestError(VirtioError.FEATURES, 0, features); // the bit stays clear (§2.2.2)
        }
    }

    private void driverOk(long nowNs) {
        if ((state.status() & CommonConfig.FEATURES_OK) == 0) {
            function.guestError(VirtioError.STATUS, state.status(), CommonConfig.DRIVER_OK);
            return;
        }
        state.status(state.status() | CommonConfig.DRIVER_OK);
        if (function.active()) {
            function.activate(nowNs);
        }
    }

    private void writeQueue(Queue queue, CommonConfig register, int offset, int widthBytes, long value, long nowNs) {
        QueueState at = queue.state();
        if (register == CommonConfig.QUEUE_MSIX_VECTOR) {
            at.vector(vector(value));
            return;
        }
        if (register == CommonConfig.QUEUE_RESET) {
            resetQueue(at, value, nowNs);
            return;
        }
        if (at.enabled() || (at.resetting() && function.queueResetting(state.queueSelect()))) {
            function.guestError(VirtioError.READ_ONLY, offset, value);
            return;
        }
        boolean upper = offset != register.offset();
        switch (register) {
            case QUEUE_SIZE -> size(queue, (int) value);
            case QUEUE_ENABLE -> enable(queue, value);
            case QUEUE_DESC -> at.desc(merge(at.desc(), widthBytes, upper, value));
            case QUEUE_DRIVER -> at.driver(merge(at.driver(), widthBytes, upper, value));
            default -> at.device(merge(at.device(), widthBytes, upper, value));
        }
    }

    private static long merge(long before, int widthBytes, boolean upper, long value) {
        if (widthBytes == Long.BYTES) {
            return value;
        }
        return upper ? (before & U32) | (value << 32) : (before & ~U32) | (value & U32);
    }

    private void size(Queue queue, int value) {
        boolean packed = (function.features() & VirtioFeature.RING_PACKED) != 0;
        boolean valid = value >= 1 && value <= queue.maxSize() && (packed || Integer.bitCount(value) == 1);
        if (valid) {
            queue.state().size(value);
        } else {
            function.guestError(VirtioError.QUEUE_SIZE, state.queueSelect(), value);
        }
    }

    private void enable(Queue queue, long value) {
        if (value != 1 || (state.status() & CommonConfig.FEATURES_OK) == 0) {
            function.guestError(VirtioError.READ_ONLY, CommonConfig.QUEUE_ENABLE.offset(), value);
            return;
        }
        queue.enable(state.driverFeatures());
        if (queue.ready()) {
            function.wake(state.queueSelect()); // enabled again after a reset of its own
        }
    }

    private void resetQueue(QueueState at, long value, long nowNs) {
        boolean allowed = (function.features() & VirtioFeature.RING_RESET) != 0 && at.enabled();
        if ((value & U16) == 1 && allowed) {
            function.resetQueue(state.queueSelect(), nowNs);
        } else {
            function.guestError(VirtioError.READ_ONLY, CommonConfig.QUEUE_RESET.offset(), value);
        }
    }
}
