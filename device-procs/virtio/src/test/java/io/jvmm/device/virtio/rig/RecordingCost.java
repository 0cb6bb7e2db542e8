package io.jvmm.device.virtio.rig;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.Arrays;
import java.util.Locale;
import java.util.function.Supplier;

/**
 * What it costs a device to be recorded, up to where batches are published: the same load on two rigs in turns, one of them recorded. In one process and one
 * thread, so it is the device's own time that is compared, without the ways of a machine
 * between; processor time, so that a busy host does not matter much.
 */
public final class RecordingCost {
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
    private static final int WINDOWS = 60;
    private static final int WARM_UP = 20;

    private RecordingCost() {}

    /**
     * Compares.
     *
     * @param made makes a rig with a load: a {@link Runnable} of so many requests; it is left open
     * @return a line with the best but for a tenth of the windows
     */
    public static String of(String what, int requests, Supplier<Runnable> made) {
        Runnable plain = made.get();
        long[] without = new long[WINDOWS];
        long[] with = new long[WINDOWS];
        long bytes = 0;
        try (RigLife.Recording recording = RigLife.recording(0)) {
            Runnable recorded = made.get();
            for (int i = -WARM_UP; i < WINDOWS; i++) {
                long plainNs = time(plain);
                long before = recording.bytes();
                long recordedNs = time(recorded);
                bytes = recording.bytes() - before;
                if (i >= 0) {
                    without[i] = plainNs;
                    with[i] = recordedNs;
                }
            }
        }
        Arrays.sort(without);
        Arrays.sort(with);
        // The best windows: whatever else runs on the host only adds.
        double plainNs = (double) without[WINDOWS / 10] / requests;
        double recordedNs = (double) with[WINDOWS / 10] / requests;
        return String.format(
                Locale.ROOT,
                "%s: %.0f ns, recorded %.0f ns (%+.0f %%), %d bytes",
                what,
                plainNs,
                recordedNs,
                100 * (recordedNs - plainNs) / plainNs,
                bytes / requests);
    }

    private static long time(Runnable load) {
        long startNs = THREADS.getCurrentThreadCpuTime();
        load.run();
        return THREADS.getCurrentThreadCpuTime() - startNs;
    }
}
