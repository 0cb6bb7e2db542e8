package io.jvmm.device.api;

import io.jvmm.device.api.trace.HostCalls;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.state.StateFormats;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.trace.Tape;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.AtomicBuffer;
import org.jspecify.annotations.Nullable;

/** What a device module hands to {@code DeviceMain.run(args, factory)}: how to make its core. Stateless. */
public interface DeviceFactory {

    /** The constant facts; of a device whose facts depend on its configuration, those of {@link #exampleConfig}. */
    DeviceIdentity identity();

    /** Process name: {@code serial}. */
    default String name() {
        return identity().name();
    }

    /**
     * The facts of a device whose number of windows, lines or bytes of state depends on its configuration.
     *
     * @throws IllegalArgumentException naming key, value and cure, for a bad configuration
     */
    default DeviceIdentity identity(DeviceConfig config) {
        return identity();
    }

    /** How the fields of {@link DeviceIdentity#stateLayout} are shown. */
    default StateFormats stateFormats() {
        return StateFormats.NONE;
    }

    /**
     * The parts of the state that are a device of their own for whoever looks at it, by how the paths of their fields begin: the ports
     * or functions that one process serves. Empty when all of it is one device.
     */
    default List<String> stateParts(DeviceConfig config) {
        return List.of();
    }

    /** Whether the device reaches guest memory: descriptor {@code memory}, entry {@code memory.bytes}. */
    default boolean usesGuestMemory() {
        return false;
    }

    /** The same for a device that needs it in some configurations only. */
    default boolean usesGuestMemory(DeviceConfig config) {
        return usesGuestMemory();
    }

    /**
     * Whether each notification of a virtqueue asks for something that the device answers by an interrupt as soon as it is done, so that the
     * time between the two says how quick the device is.
     */
    default boolean answersKicks() {
        return false;
    }

    /**
     * Whether a driver that writes this there resets its device, so that nothing it asked for before is answered any more. Device thread; allocates nothing.
     *
     * @param region of {@link DeviceIdentity#regions}
     * @param value cut to the width of the access
     */
    default boolean resetsDevice(int region, int offset, long value) {
        return false;
    }

    /** The PCI functions of the device, declared to the board before READY; none for a device that is no PCI device. */
    default List<PciDeclaration> pciFunctions(DeviceConfig config) {
        return List.of();
    }

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

    /**
     * The same for a device that {@link #usesGuestMemory}.
     *
     * @param memory all of the guest's memory; null for a device that does not use it
     */
    default DeviceCore create(
            DeviceConfig config,
            AtomicBuffer state,
            boolean fresh,
            DeviceEffects effects,
            @Nullable GuestMemory memory,
            long nowNs) {
        return create(config, state, fresh, effects, nowNs);
    }

    /**
     * The same on a tape, recording or in a replay ({@link Tape#live}): what the core asks of its host goes through the tape. Of a device that asks for nothing, nothing
     * is different.
     *
     * @param memory tapped
     */
    default DeviceCore createOnTape(
            DeviceConfig config,
            AtomicBuffer state,
            boolean fresh,
            DeviceEffects effects,
            @Nullable GuestMemory memory,
            Tape tape,
            long nowNs) {
        return create(config, state, fresh, effects, memory, nowNs);
    }

    /**
     * What makes the calls of the host's side in a replay, and knows their names; a device that has only {@link HostPorts} in its core needs none.
     *
     * @param core made by {@link #createOnTape}
     */
    default HostCalls hostCalls(DeviceConfig config, DeviceCore core, Tape tape) {
        return HostCalls.NONE;
    }

    /** Whether {@link #createCaretaker} makes something. */
    default boolean hasCaretaker() {
        return false;
    }

    /**
     * Makes what answers in the place of a device that has been given up for good, so that its driver waits for nothing: without the device's own
     * behaviour, without back ends. By default there is no such thing.
     *
     * @param state as for {@link #create}; of the device's own part nothing need be right
     * @throws IllegalArgumentException when there is none, or for a bad configuration
     * @throws StateRejectedException for a state that not even this can go on with
     */
    default DeviceCore createCaretaker(
            DeviceConfig config,
            AtomicBuffer state,
            boolean fresh,
            DeviceEffects effects,
            @Nullable GuestMemory memory,
            long nowNs) {
        throw new IllegalArgumentException("broken: nobody answers in the place of a broken " + name());
    }

    /**
     * Fills a state of this version from one of another, which a running device has left. By default there is none it can read.
     *
     * @param config the device's entries
     * @param oldVersion what {@link DeviceIdentity#stateVersion} was
     * @param old hostile, of any length
     * @param state zeros; {@link #create} validates what is written here
     * @throws StateRejectedException when no state can be made of it
     */
    default void migrate(DeviceConfig config, int oldVersion, DirectBuffer old, MutableDirectBuffer state) {
        throw new StateRejectedException("a state of version " + oldVersion + "; " + name() + " reads version "
                + identity(config).stateVersion());
    }

    /**
     * The way back: a state in the layout of an older version, whose code cannot know this one. By default there is none.
     *
     * @param state of this version, hostile, of any length
     * @return empty for a version that is not written
     * @throws StateRejectedException when the state cannot be
     */
    default Optional<DirectBuffer> export(DeviceConfig config, int version, DirectBuffer state) {
        return Optional.empty();
    }

    /**
     * Descriptors by name for {@link #backends} of a scratch machine (warm-up, training): pipes, sockets and memfds that stand
     * for the host's side. New ones for each call; the caller closes them. A device with host ports gets pipes without asking.
     */
    default Map<String, Fd> scratchDescriptors() {
        return Map.of();
    }

    /**
     * The back ends of the host ports, called once in a device process. By default port N writes to the descriptor
     * {@code backend.N.out} and reads {@code backend.N.in}; without descriptors its output is discarded.
     *
     * @param descriptors what the supervisor handed over
     * @throws IllegalArgumentException naming a descriptor that the configuration calls for and that is missing
     */
    default List<Backend> backends(DeviceConfig config, Descriptors descriptors, DeviceCore core, HostEvents events) {
        List<Backend> backends = new ArrayList<>();
        for (int port = 0; port < identity().hostPorts(); port++) {
            backends.add(new StreamBackend(
                    port,
                    core,
                    events,
                    descriptors.find("backend." + port + ".in").orElse(null),
                    descriptors.find("backend." + port + ".out").orElse(null),
                    StreamBackend.OnLoss.END,
                    InputFilter.NONE,
                    StreamBackend.CHUNK_BYTES,
                    0));
        }
        return backends;
    }

    /** What a guest error of the device is called, by its code; empty for one without a name. */
    default String guestErrorName(int code) {
        return "";
    }

    /** Registers that scripts may call by name. */
    default List<NamedRegister> registers() {
        return List.of();
    }

    /** A driver for scripts, over a scratch machine; null for a device without virtqueues. */
    default @Nullable ScriptDriver scriptDriver(Exercise machine) {
        return null;
    }

    /** A class of every jar the device is made of: what is in them is loaded before the jail closes. */
    default List<Class<?>> madeOf() {
        return List.of(getClass());
    }

    /** Configuration for the scripted peer and for warming up: everything switched on. */
    DeviceConfig exampleConfig();

    /** Drives a core made from {@link #exampleConfig} through every hot path once; called repeatedly. */
    void exercise(Exercise machine);
}
