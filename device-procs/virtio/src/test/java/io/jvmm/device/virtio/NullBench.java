package io.jvmm.device.virtio;

import io.jvmm.device.api.Exercise;
import io.jvmm.device.api.ScratchProcess;
import io.jvmm.ipc.state.StateSegment;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Poller;
import java.util.Arrays;

/**
 * From the kick of a null request (8 bytes copied from one buffer to another) to its completion, over real links between two threads,
 * beside the bare round trip of a register read over the same link. Prints a table; asserts nothing.
 *
 * <pre>
 *   java --add-exports ... -cp target/classes:target/test-classes:... io.jvmm.device.virtio.NullBench [rounds]
 * </pre>
 */
final class NullBench {
    private static final int WARM_UP = 20_000;
    private static final byte[] REQUEST = new byte[8];

    private NullBench() {}

    /** How the driver learns of the completion. */
    private enum Notice {
        /** It looks at the used ring. */
        POLLING,
        /** It sleeps on the eventfd of the queue's vector. */
        INTERRUPT
    }

    public static void main(String[] args) {
        int rounds = args.length > 0 ? Integer.parseInt(args[0]) : 100_000;
        commits(rounds);
        System.out.println("null request, kick to completion; microseconds; " + rounds + " rounds");
        System.out.printf(
                "%-10s %-8s %-10s %9s %9s %9s %9s %7s%n",
                "spin", "ring", "notice", "read p50", "read p99", "kick p50", "kick p99", "ratio");
        for (long spinNs : new long[] {1_000_000, 50_000, 0}) {
            for (boolean packed : new boolean[] {false, true}) {
                for (Notice notice : Notice.values()) {
                    row(spinNs, packed, notice, spinNs == 0 ? rounds / 5 : rounds);
                }
            }
        }
    }

    /** What a commit costs, by the length of the state: all of it is copied and checksummed for every message. */
    private static void commits(int rounds) {
        System.out.printf("%-12s %9s%n", "state bytes", "commit ns");
        for (int bytes : new int[] {64, 256, 1024, 2048, 4096, 8192, 16384}) {
            try (StateSegment segment = StateSegment.create("bench", 1, 1, bytes)) {
                long best = Long.MAX_VALUE;
                for (int window = 0; window < 20; window++) {
                    long start = System.nanoTime();
                    for (int i = 0; i < rounds / 10; i++) {
                        segment.working().putLong(0, i);
                        segment.commit(i * 8L);
                    }
                    best = Math.min(best, (System.nanoTime() - start) / Math.max(rounds / 10, 1));
                }
                System.out.printf("%-12d %9d%n", bytes, best);
            }
        }
        System.out.println();
    }

    private static void row(long spinNs, boolean packed, Notice notice, int rounds) {
        try (ScratchProcess process = new ScratchProcess(new VirtioProcess(new EchoFactory()), spinNs)) {
            Exercise machine = process.machine();
            EchoFactory factory = new EchoFactory();
            ExerciseDriver driver = new ExerciseDriver(machine, factory.identity(factory.exampleConfig()));
            long[] reads = new long[rounds];
            long[] kicks = new long[rounds];
            driver.setUp(0, packed);
            reads(machine, new long[WARM_UP]);
            kicks(process, driver, notice, new long[WARM_UP]);
            reads(machine, reads);
            kicks(process, driver, notice, kicks);
            Arrays.sort(reads);
            Arrays.sort(kicks);
            System.out.printf(
                    "%-10s %-8s %-10s %9.2f %9.2f %9.2f %9.2f %7.2f%n",
                    spinNs == 0 ? "sleeping" : spinNs / 1000 + " us",
                    packed ? "packed" : "split",
                    notice.name().toLowerCase(java.util.Locale.ROOT),
                    us(reads, 50),
                    us(reads, 99),
                    us(kicks, 50),
                    us(kicks, 99),
                    us(kicks, 50) / us(reads, 50));
        }
    }

    private static double us(long[] sorted, int percent) {
        return sorted[(int) ((sorted.length - 1L) * percent / 100)] / 1000.0;
    }

    private static void reads(Exercise machine, long[] times) {
        for (int i = 0; i < times.length; i++) {
            long start = System.nanoTime();
            machine.read(0, CommonConfig.NUM_QUEUES.offset(), 2);
            times[i] = System.nanoTime() - start;
        }
    }

    private static void kicks(ScratchProcess process, ExerciseDriver driver, Notice notice, long[] times) {
        EventFd interrupt = process.interrupt(1 + EchoFactory.ECHO);
        Poller poller = new Poller(1);
        poller.add(interrupt.fd(), Poller.READABLE);
        for (int i = 0; i < times.length; i++) {
            int wanted = driver.reaped(EchoFactory.ECHO) + 1;
            long start = System.nanoTime();
            driver.offer(EchoFactory.ECHO, REQUEST, 8);
            if (notice == Notice.INTERRUPT) {
                poller.await(Poller.FOREVER);
                interrupt.drain();
            }
            driver.reap();
            while (driver.reaped(EchoFactory.ECHO) != wanted) {
                Thread.onSpinWait();
                driver.reap();
            }
            times[i] = System.nanoTime() - start;
        }
    }
}
