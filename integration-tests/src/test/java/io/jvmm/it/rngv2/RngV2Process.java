package io.jvmm.it.rngv2;

import io.jvmm.device.api.Backend;
import io.jvmm.device.api.Descriptors;
import io.jvmm.device.api.DeviceConfig;
import io.jvmm.device.api.DeviceCore;
import io.jvmm.device.api.DeviceEffects;
import io.jvmm.device.api.DeviceFactory;
import io.jvmm.device.api.DeviceIdentity;
import io.jvmm.device.api.Exercise;
import io.jvmm.device.api.HostEvents;
import io.jvmm.device.api.PciDeclaration;
import io.jvmm.device.api.StateRejectedException;
import io.jvmm.device.virtio.VirtioProcess;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.state.StateFormats;
import io.jvmm.ipc.sys.Fd;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.AtomicBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Version 2 as the device runtime wants it: it is version 1's process but for the state, which it can read from version 1 and
 * write for it. The new field is inserted before the device's own part, which is the last of the state of the one function there is.
 */
final class RngV2Process implements DeviceFactory {
    private final RngV2Device device = new RngV2Device();
    private final VirtioProcess process = new VirtioProcess(device);
    private final VirtioProcess before = new VirtioProcess(device.before());

    @Override
    public DeviceIdentity identity() {
        return process.identity();
    }

    @Override
    public DeviceIdentity identity(DeviceConfig config) {
        return process.identity(config);
    }

    @Override
    public void migrate(DeviceConfig config, int oldVersion, DirectBuffer old, MutableDirectBuffer state) {
        DeviceIdentity v1 = before.identity(config);
        if (oldVersion != v1.stateVersion() || old.capacity() != v1.stateLengthBytes()) {
            throw new StateRejectedException("a state of version " + oldVersion + " and " + old.capacity() + " bytes");
        }
        int border = border(config);
        state.putBytes(0, old, 0, border);
        state.putLong(border, RngV2Device.MARK);
        state.putBytes(border + RngV2Device.MARK_BYTES, old, border, old.capacity() - border);
    }

    @Override
    public Optional<DirectBuffer> export(DeviceConfig config, int version, DirectBuffer state) {
        DeviceIdentity v1 = before.identity(config);
        if (version != v1.stateVersion()) {
            return Optional.empty();
        }
        int border = border(config);
        if (state.capacity() != identity(config).stateLengthBytes() || state.getLong(border) != RngV2Device.MARK) {
            throw new StateRejectedException("the state of version 2 has no mark");
        }
        UnsafeBuffer old = new UnsafeBuffer(new byte[v1.stateLengthBytes()]);
        old.putBytes(0, state, 0, border);
        old.putBytes(border, state, border + RngV2Device.MARK_BYTES, old.capacity() - border);
        return Optional.of(old);
    }

    /** Where the device's own part begins. */
    private int border(DeviceConfig config) {
        DeviceConfig function = key -> config.find("0." + key);
        return before.identity(config).stateLengthBytes()
                - device.before().identity(function).stateLengthBytes();
    }

    @Override
    public StateFormats stateFormats() {
        return process.stateFormats();
    }

    @Override
    public List<String> stateParts(DeviceConfig config) {
        return process.stateParts(config);
    }

    @Override
    public boolean usesGuestMemory() {
        return process.usesGuestMemory();
    }

    @Override
    public List<PciDeclaration> pciFunctions(DeviceConfig config) {
        return process.pciFunctions(config);
    }

    @Override
    public DeviceCore create(
            DeviceConfig config, AtomicBuffer state, boolean fresh, DeviceEffects effects, long nowNs) {
        return process.create(config, state, fresh, effects, nowNs);
    }

    @Override
    public DeviceCore create(
            DeviceConfig config,
            AtomicBuffer state,
            boolean fresh,
            DeviceEffects effects,
            @Nullable GuestMemory memory,
            long nowNs) {
        return process.create(config, state, fresh, effects, memory, nowNs);
    }

    @Override
    public List<Backend> backends(DeviceConfig config, Descriptors descriptors, DeviceCore core, HostEvents events) {
        return process.backends(config, descriptors, core, events);
    }

    @Override
    public Map<String, Fd> scratchDescriptors() {
        return process.scratchDescriptors();
    }

    @Override
    public List<Class<?>> madeOf() {
        return Stream.concat(Stream.of(getClass()), Stream.concat(process.madeOf().stream(), before.madeOf().stream()))
                .toList();
    }

    @Override
    public DeviceConfig exampleConfig() {
        return process.exampleConfig();
    }

    @Override
    public void exercise(Exercise machine) {
        process.exercise(machine);
    }
}
