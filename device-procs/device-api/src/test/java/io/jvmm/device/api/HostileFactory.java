package io.jvmm.device.api;

import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.sys.Fd;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.AtomicBuffer;
import org.jspecify.annotations.Nullable;

/** A device like another one, whose core, state and guest memory an intruder has before him. */
final class HostileFactory implements DeviceFactory {
    private final DeviceFactory real;
    /** What the process serves with, once it does. */
    volatile @Nullable AtomicBuffer state;

    volatile @Nullable GuestMemory memory;
    volatile long lengthBytes;
    /** While it is set, the device thread stands still. */
    volatile boolean frozen;

    volatile boolean serves;
    private @Nullable DeviceCore serving;

    HostileFactory(DeviceFactory real) {
        this.real = real;
    }

    DeviceFactory real() {
        return real;
    }

    @Override
    public DeviceIdentity identity() {
        return real.identity();
    }

    @Override
    public String name() {
        return real.name();
    }

    @Override
    public DeviceIdentity identity(DeviceConfig config) {
        return real.identity(config);
    }

    @Override
    public boolean usesGuestMemory() {
        return real.usesGuestMemory();
    }

    @Override
    public boolean usesGuestMemory(DeviceConfig config) {
        return real.usesGuestMemory(config);
    }

    @Override
    public List<PciDeclaration> pciFunctions(DeviceConfig config) {
        return real.pciFunctions(config);
    }

    @Override
    public DeviceCore create(
            DeviceConfig config, AtomicBuffer buffer, boolean fresh, DeviceEffects effects, long nowNs) {
        return real.create(config, buffer, fresh, effects, nowNs);
    }

    @Override
    public DeviceCore create(
            DeviceConfig config,
            AtomicBuffer buffer,
            boolean fresh,
            DeviceEffects effects,
            @Nullable GuestMemory guest,
            long nowNs) {
        DeviceCore core = real.create(config, buffer, fresh, effects, guest, nowNs);
        if (serving != null) {
            return core; // warming up
        }
        serving = core;
        state = buffer;
        memory = guest;
        lengthBytes = guest == null ? 0 : guest.lengthBytes();
        return core;
    }

    @Override
    public void migrate(DeviceConfig config, int oldVersion, DirectBuffer old, MutableDirectBuffer fresh) {
        real.migrate(config, oldVersion, old, fresh);
    }

    @Override
    public Map<String, Fd> scratchDescriptors() {
        return real.scratchDescriptors();
    }

    /** For the first core, the one that serves, one more, by which its thread can be held. */
    @Override
    @SuppressWarnings("ReferenceEquality") // which of them, not what it is like
    public List<Backend> backends(DeviceConfig config, Descriptors descriptors, DeviceCore core, HostEvents events) {
        List<Backend> backends = new ArrayList<>(real.backends(config, descriptors, core, events));
        if (core == serving) {
            backends.add(new HostileBrake(this));
        }
        return backends;
    }

    @Override
    public List<NamedRegister> registers() {
        return real.registers();
    }

    @Override
    public List<Class<?>> madeOf() {
        List<Class<?>> classes = new ArrayList<>(real.madeOf());
        classes.add(HostileFactory.class);
        return classes;
    }

    @Override
    public DeviceConfig exampleConfig() {
        return real.exampleConfig();
    }

    @Override
    public void exercise(Exercise machine) {
        real.exercise(machine);
    }
}
