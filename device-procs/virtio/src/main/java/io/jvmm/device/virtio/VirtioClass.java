package io.jvmm.device.virtio;

import io.jvmm.device.api.DeviceConfig;
import java.lang.foreign.MemoryLayout;
import java.util.Map;
import java.util.Optional;

/** A {@link VirtioFactory} whose constant answers are given once: what a class of device is called and what its state looks like. Stateless. */
public abstract class VirtioClass implements VirtioFactory {
    private final String name;
    private final int stateId;
    private final int stateVersion;
    private final MemoryLayout state;
    private final Map<String, String> example;

    /**
     * @param name process name
     * @param stateId four letters
     * @param state the device's own part of the state, of version {@code stateVersion}
     * @param example entries of {@link #exampleConfig}
     */
    protected VirtioClass(String name, int stateId, int stateVersion, MemoryLayout state, Map<String, String> example) {
        this.name = name;
        this.stateId = stateId;
        this.stateVersion = stateVersion;
        this.state = state;
        this.example = Map.copyOf(example);
    }

    @Override
    public final String name() {
        return name;
    }

    @Override
    public final int stateId() {
        return stateId;
    }

    @Override
    public final int stateVersion() {
        return stateVersion;
    }

    @Override
    public final MemoryLayout stateLayout(DeviceConfig config) {
        return state;
    }

    @Override
    public final DeviceConfig exampleConfig() {
        return key -> Optional.ofNullable(example.get(key));
    }
}
