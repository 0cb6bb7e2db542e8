package io.jvmm.supervisor.launch;

import io.jvmm.ipc.message.EngineKind;
import io.jvmm.policy.jail.JailReport;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/** Looks at a ready process from outside, before the guest can reach it. */
public interface ProcessInspector {
    /**
     * The process as it is.
     *
     * @throws IOException when it is gone, or cannot be looked at
     */
    JailReport look(ChildProcess child) throws IOException;

    /**
     * What is wrong with it, one clause each; empty when all is well.
     *
     * @param engine what runs guest code in it; empty for a device process
     */
    List<String> faults(ChildProcess child, Optional<EngineKind> engine, JailReport report);
}
