package io.jvmm.supervisor.launch;

import io.jvmm.ipc.message.FilterHash;
import io.jvmm.policy.bpf.BpfProgram;
import io.jvmm.supervisor.config.JailConfig;

/** What becomes of a compiled filter before a process gets it. */
final class FilterMode {
    private FilterMode() {}

    /** The filter as it is, or with every "kill" turned into "log and permit". */
    static byte[] apply(byte[] filter, JailConfig.Mode mode) {
        return switch (mode) {
            case ENFORCE -> filter;
            case LOG -> BpfProgram.fromBytes(filter).onlyLogging().toBytes();
        };
    }

    /** What a process reports in READY: SHA-256 of its narrow filter. */
    static byte[] hash(byte[] filter) {
        return FilterHash.of(filter);
    }
}
