package io.jvmm.device.api;

import io.jvmm.ipc.sys.Fd;
import java.util.Optional;

/** The descriptors the supervisor handed over, by name. */
@FunctionalInterface
public interface Descriptors {

    /** The descriptor of a name, if it was given. It belongs to whoever asks. */
    Optional<Fd> find(String name);

    /**
     * The descriptor of a name.
     *
     * @throws IllegalArgumentException naming it, when it was not given
     */
    default Fd need(String name) {
        return find(name).orElseThrow(() -> new IllegalArgumentException("descriptor '" + name + "' is missing"));
    }
}
