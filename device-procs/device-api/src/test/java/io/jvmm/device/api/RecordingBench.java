package io.jvmm.device.api;

import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.ring.HardenedReader;
import io.jvmm.ipc.trace.TraceRing;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.Arrays;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What it costs a device process to be recorded, through ring and links: processor time of the device thread for a write, in turns with one that is not recorded. A main, with the flags of a
 * device's launch file ({@code -XX:TieredStopAtLevel=1}).
 */
final class RecordingBench {
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
    private static final int WINDOWS = 60;
    private static final int MESSAGES = 20_000;
    /** As many as the request ring holds, and then the device is waited for. */
    private static final int ROW = 64;

    private final LiveDevice device;
    private final @Nullable HardenedReader reader;

    private RecordingBench(boolean recorded) {
        EchoDevice factory = new EchoDevice();
        ScratchSupervisor peer = new ScratchSupervisor(factory, 0);
        peer.record(recorded);
        device = new LiveDevice(factory, peer, "wait.spin-ns", "0");
        TraceRing ring = peer.trace();
        reader = ring == null ? null : ring.reader(0);
        peer.awaitReady();
        peer.request(SupervisorRequestType.START);
    }

    private long window() {
        long before = THREADS.getThreadCpuTime(device.thread.threadId());
        for (int i = 0; i < MESSAGES; i += ROW) {
            for (int row = 1; row < ROW; row++) {
                device.peer.board().write(0, EchoDevice.MEMORY, 0, 4, i);
            }
            device.peer.board().read(0, EchoDevice.MEMORY, 0, 4);
            while (reader != null && reader.next()) {
                reader.release();
            }
        }
        return THREADS.getThreadCpuTime(device.thread.threadId()) - before;
    }

    public static void main(String[] args) {
        RecordingBench plain = new RecordingBench(false);
        RecordingBench recorded = new RecordingBench(true);
        double[] without = new double[WINDOWS];
        double[] with = new double[WINDOWS];
        for (int i = -WINDOWS; i < WINDOWS; i++) {
            double plainNs = (double) plain.window() / MESSAGES;
            double recordedNs = (double) recorded.window() / MESSAGES;
            if (i >= 0) {
                without[i] = plainNs;
                with[i] = recordedNs;
            }
        }
        Arrays.sort(without);
        Arrays.sort(with);
        System.out.printf(
                Locale.ROOT,
                "device thread, for a message in rows of %d: %.0f ns, recorded %.0f ns%n",
                ROW,
                without[WINDOWS / 2],
                with[WINDOWS / 2]);
        plain.device.close();
        recorded.device.close();
    }
}
