package io.jvmm.supervisor.journal;

import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.trace.RecordingTape;
import io.jvmm.ipc.trace.RingSink;
import io.jvmm.ipc.trace.TraceRing;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.Locale;

/**
 * What a transaction of one register write costs the device's tape and the recorder, in processor time of one thread that plays both. A main, with the flags of {@code recorder.launch};
 * arguments: how many transactions come between two rests of the device.
 */
final class RecorderBench {
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
    private static final int WINDOWS = 60;
    private static final int TRANSACTIONS = 16_384;

    private RecorderBench() {}

    public static void main(String[] args) throws Exception {
        for (String arg : args) {
            run(Integer.parseInt(arg));
        }
    }

    private static void run(int row) throws Exception {
        Path directory = Files.createTempDirectory("recorder-bench");
        TraceRing ring = TraceRing.create("bench-trace");
        EventFd bell = EventFd.create();
        RecordingTape tape = new RecordingTape(new RingSink(ring, bell, () -> {}), 0);
        JournalDirectory journal = new JournalDirectory(directory);
        double[] told = new double[WINDOWS];
        double[] taken = new double[WINDOWS];
        try (RingDrain drain = RingDrain.open(
                journal,
                "bench",
                "w1",
                ring.fd().duplicate(),
                bell.fd().duplicate(),
                Instant.now(),
                false,
                RoomAhead.whereScarce(directory.toFile()::getUsableSpace, Clock::monotonicNs, FileIo::tryAllocate),
                () -> {})) {
            for (int window = -WINDOWS; window < WINDOWS; window++) {
                long begin = THREADS.getCurrentThreadCpuTime();
                for (int i = 1; i <= TRANSACTIONS; i++) {
                    tape.call(2, 1, 0, i, i);
                    tape.commit();
                    if (i % row == 0) {
                        tape.rest();
                    }
                }
                long middle = THREADS.getCurrentThreadCpuTime();
                while (drain.drain(1 << 19) > 0) {
                    // Until it is empty.
                }
                long end = THREADS.getCurrentThreadCpuTime();
                if (window >= 0) {
                    told[window] = (double) (middle - begin) / TRANSACTIONS;
                    taken[window] = (double) (end - middle) / TRANSACTIONS;
                }
            }
            Arrays.sort(told);
            Arrays.sort(taken);
            System.out.printf(
                    Locale.ROOT,
                    "a transaction of one write, %d between rests: device %.0f ns, recorder %.0f ns; %.0f in a batch of the journal%n",
                    row,
                    told[WINDOWS / 2],
                    taken[WINDOWS / 2],
                    (double) tape.transaction() / drain.batches());
        } finally {
            JournalDirectory.removeTree(directory);
        }
    }
}
