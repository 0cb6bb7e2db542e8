package io.jvmm.supervisor.demo;

import io.jvmm.supervisor.config.VmConfig;
import java.io.IOException;
import java.nio.file.Path;

/** The machine of {@code --demo}. */
public final class DemoGuest {
    private DemoGuest() {}

    /**
     * Writes the guest's kernel into {@code directory} (which the supervisor made, mode 0700, and removes afterwards) and
     * describes the machine that boots it, COM1 on the terminal.
     */
    public static VmConfig prepare(Path directory) throws IOException {
        if (!directory.toString().isEmpty()) {
            throw new IOException("this build has no demo guest yet, so " + directory + " stays empty");
        }
        throw new IllegalArgumentException("no directory");
    }
}
