package io.jvmm.ipc.message;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * The SHA-256 of a filter, which READY carries. A process computes it before it closes its jail: the first use loads the
 * runtime's security provider (some 20 ms of CPU).
 */
public final class FilterHash {
    /** Length of a hash. */
    public static final int LENGTH_BYTES = 32;

    private FilterHash() {}

    /** The 32 bytes of the SHA-256 of {@code filter}. */
    public static byte[] of(byte[] filter) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(filter);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java runtime has SHA-256", e);
        }
    }
}
