package io.jvmm.fuzz.machine;

import io.jvmm.device.api.Backend;
import io.jvmm.device.api.Descriptors;
import io.jvmm.device.api.DeviceConfig;
import io.jvmm.device.api.HostEvents;
import io.jvmm.device.api.trace.HostCalls;
import io.jvmm.device.virtio.BrokenAnswer;
import io.jvmm.device.virtio.VirtioDevice;
import io.jvmm.device.virtio.VirtioFactory;
import io.jvmm.device.virtio.VirtioHost;
import io.jvmm.device.virtio.VirtioIdentity;
import io.jvmm.ipc.trace.Tape;
import java.lang.foreign.MemoryLayout;
import java.util.List;
import org.agrona.concurrent.AtomicBuffer;
import org.jspecify.annotations.Nullable;

/** A shipped factory, and which device it made last: the transport keeps that to itself. */
public final class CapturedFactory implements VirtioFactory {

    private final VirtioFactory factory;
    private @Nullable VirtioDevice latest;

    CapturedFactory(VirtioFactory factory) {
        this.factory = factory;
    }

    @Nullable
    VirtioDevice latest() {
        return latest;
    }

    @Override
    public String name() {
        return factory.name();
    }

    @Override
    public int stateId() {
        return factory.stateId();
    }

    @Override
    public int stateVersion() {
        return factory.stateVersion();
    }

    @Override
    public VirtioIdentity identity(DeviceConfig config) {
        return factory.identity(config);
    }

    @Override
    public MemoryLayout stateLayout(DeviceConfig config) {
        return factory.stateLayout(config);
    }

    @Override
    public VirtioDevice create(
            int function, DeviceConfig config, AtomicBuffer state, boolean fresh, VirtioHost host, long nowNs) {
        VirtioDevice made = factory.create(function, config, state, fresh, host, nowNs);
        latest = made;
        return made;
    }

    @Override
    public List<Backend> backends(
            List<DeviceConfig> configs, Descriptors descriptors, List<VirtioDevice> devices, HostEvents events) {
        return factory.backends(configs, descriptors, devices, events);
    }

    @Override
    public HostCalls hostCalls(List<DeviceConfig> configs, List<VirtioDevice> devices, Tape tape) {
        return factory.hostCalls(configs, devices, tape);
    }

    @Override
    public BrokenAnswer whenBroken(VirtioIdentity identity, int queue, long features) {
        return factory.whenBroken(identity, queue, features);
    }

    @Override
    public DeviceConfig exampleConfig() {
        return factory.exampleConfig();
    }

    @Override
    public void exercise(VirtioExercise machine) {
        factory.exercise(machine);
    }
}
