package io.jvmm.supervisor.launch;

import io.jvmm.policy.bpf.BpfProgram;
import java.util.Arrays;

/** The compiled filter that a process installs when it is ready. Immutable. */
public final class NarrowFilter {
    private final byte[] program;
    private final byte[] hash;
    private final byte[] startHash;

    /**
     * Made of two programs of one distribution.
     *
     * @param start what its processes start under
     */
    NarrowFilter(byte[] program, byte[] start) {
        this.program = program.clone();
        this.hash = FilterMode.hash(program);
        this.startHash = FilterMode.hash(start);
    }

    /** As in the boot record: {@code struct sock_filter[]}. */
    byte[] program() {
        return program.clone();
    }

    /** Whether a process that reports this hash has installed this filter. */
    public boolean hasHash(byte[] reported) {
        return Arrays.equals(hash, reported);
    }

    /** Whether a process that is to install this filter has started under the one with this hash. */
    boolean follows(byte[] installed) {
        return Arrays.equals(startHash, installed);
    }

    /** How many system calls it lets through, with whatever arguments. */
    public int allowedCalls() {
        return BpfProgram.fromBytes(program).allowedCalls().size();
    }
}
