package io.jvmm.supervisor.launch;

import io.jvmm.policy.bpf.BpfProgram;
import java.util.Arrays;

/** The compiled filter that a process installs when it is ready. Immutable. */
public final class NarrowFilter {
    private final byte[] program;
    private final byte[] hash;

    NarrowFilter(byte[] program) {
        this.program = program.clone();
        this.hash = FilterMode.hash(program);
    }

    /** As in the boot record: {@code struct sock_filter[]}. */
    byte[] program() {
        return program.clone();
    }

    /** Whether a process that reports this hash has installed this filter. */
    public boolean hasHash(byte[] reported) {
        return Arrays.equals(hash, reported);
    }

    /** How many system calls it lets through, with whatever arguments. */
    public int allowedCalls() {
        return BpfProgram.fromBytes(program).allowedCalls().size();
    }
}
