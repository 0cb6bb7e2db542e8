package io.jvmm.supervisor.launch;

import io.jvmm.ipc.message.EngineKind;
import java.util.Optional;

/**
 * One of the ways in which a process may live, and the filter that belongs to it. A device process has one; so has a vCPU process
 * whose engine is named, while one that is to choose its engine has one for each.
 *
 * @param engine what runs guest code; empty for a device process
 * @param filter what it must install when it lives this way
 */
public record Variant(Optional<EngineKind> engine, NarrowFilter filter) {
    /** The filter's name in the boot record. */
    String filterKey() {
        return "seccomp.narrow" + engine.map(e -> "." + e.word()).orElse("");
    }
}
