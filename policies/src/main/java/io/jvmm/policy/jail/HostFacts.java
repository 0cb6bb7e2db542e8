package io.jvmm.policy.jail;

import io.jvmm.policy.sys.Landlock;
import java.io.IOException;
import java.io.UncheckedIOException;

/**
 * What the plan needs to know of the running kernel.
 *
 * @param lastCapability highest capability number
 * @param landlockAbi 0 where there is no Landlock
 */
public record HostFacts(int lastCapability, int landlockAbi) {
    /** Looks. */
    public static HostFacts read() {
        try {
            return new HostFacts(Integer.parseInt(ProcSys.read("kernel/cap_last_cap")), Landlock.abi());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
