package io.jvmm.device.api;

import org.agrona.concurrent.AtomicBuffer;

/** What a device module hands to {@code DeviceMain.run(args, factory)}: how to make its core. Stateless. */
public interface DeviceFactory {

    /** The constant facts. */
    DeviceIdentity identity();

    /**
     * Makes a core over {@code state}.
     *
     * @param config the device's entries
     * @param state exactly {@link DeviceIdentity#stateLengthBytes} bytes, private to this process; zeros when
     *     {@code fresh}, otherwise the state of an earlier process and hostile until validated here
     * @param fresh initialise the state instead of validating it
     * @param effects where effects go
     * @param nowNs monotonic time
     * @throws IllegalArgumentException naming key, value and cure, for a bad configuration
     * @throws StateRejectedException for a state that cannot be
     */
    DeviceCore create(DeviceConfig config, AtomicBuffer state, boolean fresh, DeviceEffects effects, long nowNs);

    /** Configuration for the scripted peer and for warming up: everything switched on. */
    DeviceConfig exampleConfig();

    /** Drives a core made from {@link #exampleConfig} through every hot path once; called repeatedly. */
    void exercise(Exercise machine);
}
