package io.jvmm.device.vsock;

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
import java.util.List;
import org.agrona.concurrent.AtomicBuffer;
import org.jspecify.annotations.Nullable;

/** Makes what {@link VsockFactory} makes and keeps the last device. */
final class CapturedFactory implements VirtioFactory {
    private final VsockFactory factory = new VsockFactory();
    private @Nullable VsockDevice device;

    /** The last device made for a guest. */
    @Nullable
    VsockDevice device() {
        return device;
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
    public BrokenAnswer whenBroken(VirtioIdentity identity, int queue, long features) {
        return factory.whenBroken(identity, queue, features);
    }

    @Override
    public VirtioDevice create(
            int function, DeviceConfig config, AtomicBuffer state, boolean fresh, VirtioHost host, long nowNs) {
        VirtioDevice made = factory.create(function, config, state, fresh, host, nowNs);
        Tape tape = host.tape();
        if (tape == null || tape.live()) {
            device = (VsockDevice) made;
        }
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
    public DeviceConfig exampleConfig() {
        return factory.exampleConfig();
    }

    @Override
    public void exercise(VirtioExercise machine) {
        factory.exercise(machine);
    }
}
