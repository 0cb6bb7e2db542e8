package io.jvmm.vcpu.main;

import io.jvmm.ipc.sys.Clock;

/** How long each stage of the start took, as one line for the log. */
final class StageClock {
    private static final long TENTH_OF_MS = 100_000;

    private final StringBuilder line = new StringBuilder(200).append("start-up:");
    private long lastNs = Clock.monotonicNs();

    /** Ends the current stage. */
    void mark(String stage) {
        final long now = Clock.monotonicNs();
        final long tenths = (now - lastNs + TENTH_OF_MS / 2) / TENTH_OF_MS;
        line.append(' ')
                .append(stage)
                .append(' ')
                .append(tenths / 10)
                .append('.')
                .append(tenths % 10)
                .append(" ms,");
        lastNs = now;
    }

    /** All stages so far. */
    String line() {
        return line.substring(0, line.length() - 1);
    }
}
