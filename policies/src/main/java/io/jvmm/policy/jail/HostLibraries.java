package io.jvmm.policy.jail;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The dynamic loader and the C library family of the host: what a Java runtime needs beside its own files. */
public final class HostLibraries {
    private static final String LOADER = "/lib64/ld-linux-x86-64.so.2";
    private static final List<String> FAMILY =
            List.of("libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1");

    private HostLibraries() {}

    /** The directory of the C library this very process runs with. */
    public static Path directory() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/maps"))) {
            int slash = line.indexOf('/');
            if (slash > 0 && line.endsWith("/libc.so.6")) {
                return Path.of(line.substring(slash, line.length() - "/libc.so.6".length()));
            }
        }
        throw new IOException("this process has no libc.so.6 mapped: jvmm needs a JDK for glibc, not for musl");
    }

    /** Binds for the loader and the libraries, at the places where the loader looks for them. */
    public static List<Bind> binds() throws IOException {
        List<Bind> binds = new ArrayList<>();
        binds.add(Bind.of(Path.of(LOADER), LOADER, Bind.Kind.PROGRAM));
        Path directory = directory();
        for (String name : FAMILY) {
            Path library = directory.resolve(name);
            if (Files.exists(library)) {
                binds.add(Bind.of(library, library.toString(), Bind.Kind.CODE));
            }
        }
        return binds;
    }
}
