package io.jvmm.supervisor.backend;

import io.jvmm.ipc.sys.Fd;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What the boot record of a device process says of one function: entries and descriptors, without the function's number. */
public final class Wiring {
    private final Map<String, String> entries = new LinkedHashMap<>();
    private final Map<String, Fd> fds = new LinkedHashMap<>();

    /** Adds an entry. */
    public Wiring put(String key, Object value) {
        entries.put(key, value.toString());
        return this;
    }

    /** Adds a descriptor, where there is one. */
    public Wiring fd(String name, @Nullable Fd fd) {
        if (fd != null) {
            fds.put(name, fd);
        }
        return this;
    }

    /** Names and values. */
    public Map<String, String> entries() {
        return Collections.unmodifiableMap(entries);
    }

    /** They belong to the back ends. */
    public Map<String, Fd> fds() {
        return Collections.unmodifiableMap(fds);
    }
}
