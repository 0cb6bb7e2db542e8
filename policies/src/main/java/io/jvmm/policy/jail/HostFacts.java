package io.jvmm.policy.jail;

import io.jvmm.policy.sys.Landlock;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

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
            String last =
                    Files.readString(Path.of("/proc/sys/kernel/cap_last_cap")).strip();
            return new HostFacts(Integer.parseInt(last), Landlock.abi());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
