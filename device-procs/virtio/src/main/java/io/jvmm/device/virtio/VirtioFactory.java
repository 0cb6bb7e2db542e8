package io.jvmm.device.virtio;

import io.jvmm.device.api.Backend;
import io.jvmm.device.api.Descriptors;
import io.jvmm.device.api.DeviceConfig;
import io.jvmm.device.api.Exercise;
import io.jvmm.device.api.HostEvents;
import io.jvmm.device.api.NamedRegister;
import io.jvmm.device.api.StateRejectedException;
import io.jvmm.device.api.trace.HostCalls;
import io.jvmm.ipc.state.StateFormats;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.trace.Tape;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Map;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.AtomicBuffer;

/**
 * What a virtio device module hands to {@code VirtioMain.run(args, factory)}. Stateless. One process serves one or more
 * functions of its class; the entry {@code functions} of its configuration says how many, and the entries of function F
 * begin with {@code F.}, which {@link #functionConfig} takes off.
 */
public interface VirtioFactory {

    /** Process name: {@code block}. */
    String name();

    /** Number in the header of the state segment; four letters. */
    int stateId();

    /** Version of the device's own part of the state. */
    int stateVersion();

    /** As {@link io.jvmm.device.api.DeviceFactory#answersKicks}. */
    default boolean answersKicks() {
        return false;
    }

    /**
     * The facts of a function.
     *
     * @param config its entries
     * @throws IllegalArgumentException naming key, value and cure
     */
    VirtioIdentity identity(DeviceConfig config);

    /**
     * The device's own part of the state by the names of its fields, for whoever looks at a state; as long as
     * {@link VirtioIdentity#stateLengthBytes}, which may be 0.
     *
     * @param config entries of the function
     */
    default MemoryLayout stateLayout(DeviceConfig config) {
        return MemoryLayout.sequenceLayout(identity(config).stateLengthBytes(), ValueLayout.JAVA_BYTE);
    }

    /** How the fields of {@link #stateLayout} are shown, by their paths there. */
    default StateFormats stateFormats() {
        return StateFormats.NONE;
    }

    /** The feature bits that belong to the device type, by their numbers. */
    default Map<Integer, String> featureNames() {
        return Map.of();
    }

    /** The fields of the device configuration by their names in the specification; offsets are those within it. */
    default List<NamedRegister> configFields() {
        return List.of();
    }

    /** What a guest error of the device's own is called, by its code; empty for one without a name. */
    default String guestErrorName(int code) {
        return "";
    }

    /**
     * Makes the device's own part of the state of one function, in place, from that of an older version of the same length. By default
     * there is none it can read.
     *
     * @param oldVersion what {@link #stateVersion} was
     * @param state hostile; {@link #create} validates what is left here
     * @throws StateRejectedException when no state can be made of it
     */
    default void migrate(DeviceConfig config, int oldVersion, MutableDirectBuffer state) {
        throw new StateRejectedException(
                "a state of version " + oldVersion + "; " + name() + " reads version " + stateVersion());
    }

    /**
     * Makes a function.
     *
     * @param function its number
     * @param config its entries
     * @param state {@link VirtioIdentity#stateLengthBytes} bytes; zeros when {@code fresh}, hostile otherwise
     * @throws IllegalArgumentException for a bad configuration
     * @throws StateRejectedException for a state that cannot be
     */
    VirtioDevice create(
            int function, DeviceConfig config, AtomicBuffer state, boolean fresh, VirtioHost host, long nowNs);

    /**
     * What joins the functions to descriptors of the host: called once in a device process, after all functions were made.
     * Descriptors of function F are named {@code F.something}. A class that waits for nothing of the host has none.
     *
     * @param configs entries of each function
     */
    default List<Backend> backends(
            List<DeviceConfig> configs, Descriptors descriptors, List<VirtioDevice> devices, HostEvents events) {
        return List.of();
    }

    /**
     * What makes the calls of the host's side in a replay, and knows their names: of a class whose back ends call its functions. They are not made in a replay.
     *
     * @param devices all functions, made with a {@link VirtioHost#tape}
     */
    default HostCalls hostCalls(List<DeviceConfig> configs, List<VirtioDevice> devices, Tape tape) {
        return HostCalls.NONE;
    }

    /**
     * What becomes of the buffers in a queue once the function has been given up, and a {@link BrokenAnswer} is all that its driver gets. Called on the
     * device thread; allocates nothing.
     *
     * @param identity of the function
     * @param features that were negotiated
     */
    BrokenAnswer whenBroken(VirtioIdentity identity, int queue, long features);

    /**
     * What the device configuration of a function reads as once it has been given up: its driver is told that something has changed, and looks. By default
     * zeros, which takes a network card's link down.
     *
     * @param state the device's own part, hostile: nobody has looked at it
     * @param offset with {@code widthBytes} inside the configuration
     */
    default long readBrokenConfig(AtomicBuffer state, int offset, int widthBytes) {
        return 0;
    }

    /**
     * Descriptors for {@link #backends} of a scratch machine, as the supervisor would name them ({@code 0.image}); see
     * {@link io.jvmm.device.api.DeviceFactory#scratchDescriptors}.
     */
    default Map<String, Fd> scratchDescriptors() {
        return Map.of();
    }

    /** Configuration for the scripted peer and for warming up: one function, everything switched on. */
    DeviceConfig exampleConfig();

    /** Drives a machine made from {@link #exampleConfig} through every hot path once; called repeatedly. */
    void exercise(VirtioExercise machine);

    /** The entries of one function. */
    static DeviceConfig functionConfig(DeviceConfig all, int function) {
        return key -> all.find(function + "." + key);
    }

    /** A scratch machine with a virtio driver. */
    interface VirtioExercise extends Exercise {
        /** Resets the device and sets it up as a driver does; all queues get small rings in scratch memory. */
        void setUp(long features, boolean packed);

        /**
         * Puts a buffer into a queue and kicks it.
         *
         * @param readable bytes for the device
         * @param writableBytes how much the device may write
         * @return false when the queue has as many buffers as the scratch memory has room for, or there is none of this number
         */
        boolean offer(int queue, byte[] readable, int writableBytes);

        /** Takes back what the device has completed, from all queues. */
        void reap();

        /** Whether everything that was offered has been taken back: a device with threads of its own is waited for. */
        boolean allBack();
    }
}
