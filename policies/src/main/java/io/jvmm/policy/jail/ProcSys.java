package io.jvmm.policy.jail;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Files below /proc/sys. They answer one read from offset 0 and then say end of file, while {@link Files#readString} reads a file of
 * length 0 byte by byte at first: it would get the first character only.
 */
final class ProcSys {
    private static final int LONGEST_BYTES = 4096;

    private ProcSys() {}

    /** The value without white space around it. */
    static String read(String name) throws IOException {
        try (InputStream in = Files.newInputStream(Path.of("/proc/sys", name))) {
            byte[] buffer = new byte[LONGEST_BYTES];
            int length = Math.max(0, in.read(buffer));
            return new String(buffer, 0, length, StandardCharsets.US_ASCII).strip();
        }
    }
}
