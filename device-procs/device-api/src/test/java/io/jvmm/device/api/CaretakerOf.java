package io.jvmm.device.api;

import io.jvmm.ipc.memory.GuestMemory;
import java.util.List;
import org.agrona.concurrent.AtomicBuffer;
import org.jspecify.annotations.Nullable;

/** The caretaker of a class as if it were the class's device: for those who test devices. */
record CaretakerOf(DeviceFactory device) implements DeviceFactory {
    @Override
    public DeviceIdentity identity() {
        return device.identity();
    }

    @Override
    public DeviceIdentity identity(DeviceConfig config) {
        return device.identity(config);
    }

    @Override
    public boolean usesGuestMemory() {
        return device.usesGuestMemory();
    }

    @Override
    public DeviceCore create(
            DeviceConfig config, AtomicBuffer state, boolean fresh, DeviceEffects effects, long nowNs) {
        return create(config, state, fresh, effects, null, nowNs);
    }

    @Override
    public DeviceCore create(
            DeviceConfig config,
            AtomicBuffer state,
            boolean fresh,
            DeviceEffects effects,
            @Nullable GuestMemory memory,
            long nowNs) {
        return device.createCaretaker(config, state, fresh, effects, memory, nowNs);
    }

    @Override
    public List<Backend> backends(DeviceConfig config, Descriptors descriptors, DeviceCore core, HostEvents events) {
        return List.of();
    }

    @Override
    public DeviceConfig exampleConfig() {
        return device.exampleConfig();
    }

    @Override
    public void exercise(Exercise machine) {
        device.exercise(machine);
    }
}
