package io.jvmm.device.virtio;

import io.jvmm.device.api.Backend;
import io.jvmm.device.api.Descriptors;
import io.jvmm.device.api.DeviceConfig;
import io.jvmm.device.api.HostEvents;
import io.jvmm.device.api.NamedRegister;
import io.jvmm.device.api.trace.HostCalls;
import io.jvmm.ipc.state.StateFormats;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.trace.Tape;
import java.lang.foreign.MemoryLayout;
import java.util.List;
import java.util.Map;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.AtomicBuffer;

/**
 * Another factory in all its answers: for the fuzzer, and for tests that look at a shipped device or give it something of theirs, and override only that. What it
 * forwards is everything, so that nobody tests a default in the place of what is shipped.
 */
public abstract class ForwardingFactory implements VirtioFactory {
    private final VirtioFactory factory;

    /** @param factory answers */
    protected ForwardingFactory(VirtioFactory factory) {
        this.factory = factory;
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
    public boolean answersKicks() {
        return factory.answersKicks();
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
    public StateFormats stateFormats() {
        return factory.stateFormats();
    }

    @Override
    public Map<Integer, String> featureNames() {
        return factory.featureNames();
    }

    @Override
    public List<NamedRegister> configFields() {
        return factory.configFields();
    }

    @Override
    public String guestErrorName(int code) {
        return factory.guestErrorName(code);
    }

    @Override
    public void migrate(DeviceConfig config, int oldVersion, MutableDirectBuffer state) {
        factory.migrate(config, oldVersion, state);
    }

    @Override
    public VirtioDevice create(
            int function, DeviceConfig config, AtomicBuffer state, boolean fresh, VirtioHost host, long nowNs) {
        return factory.create(function, config, state, fresh, host, nowNs);
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
    public long readBrokenConfig(AtomicBuffer state, int offset, int widthBytes) {
        return factory.readBrokenConfig(state, offset, widthBytes);
    }

    @Override
    public Map<String, Fd> scratchDescriptors() {
        return factory.scratchDescriptors();
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
