package io.jvmm.supervisor.telemetry;

import io.jvmm.ipc.counters.BoardCounter;
import io.jvmm.ipc.counters.BoardPage;
import io.jvmm.ipc.counters.Counter;
import io.jvmm.ipc.counters.CounterBlock;
import io.jvmm.ipc.counters.LinkCounter;
import io.jvmm.ipc.sys.MemFd;
import java.util.ArrayList;
import java.util.List;

/** What the vCPU process has counted, of its threads together and of each device. One thread. */
public final class BoardAccount implements AutoCloseable {
    private final BoardPage page;
    private final List<CounterAccount> threads = new ArrayList<>();
    /** Of each device those of all vCPUs. */
    private final List<List<CounterAccount>> links = new ArrayList<>();

    private final List<LatencyAccount> reads = new ArrayList<>();
    private final List<LatencyAccount> waits = new ArrayList<>();
    private long lookedNs;

    /** @param sinceNs when the page was made, or before */
    public BoardAccount(MemFd memFd, int vcpus, int devices, long sinceNs) {
        page = BoardPage.ofOwn(memFd, vcpus, devices);
        lookedNs = sinceNs;
        List<BoardCounter> all = List.of(BoardCounter.values());
        for (int v = 0; v < vcpus; v++) {
            threads.add(new CounterAccount(page.vcpu(v), all));
        }
        threads.add(new CounterAccount(page.board(), all));
        threads.add(new CounterAccount(page.pci(), all));
        for (int d = 0; d < devices; d++) {
            List<CounterAccount> ofDevice = new ArrayList<>();
            CounterBlock[] ofReads = new CounterBlock[vcpus];
            CounterBlock[] ofWaits = new CounterBlock[vcpus];
            for (int v = 0; v < vcpus; v++) {
                ofDevice.add(new CounterAccount(page.link(v, d), List.of(LinkCounter.values())));
                ofReads[v] = page.reads(v, d);
                ofWaits[v] = page.waits(v, d);
            }
            links.add(ofDevice);
            reads.add(new LatencyAccount(ofReads));
            waits.add(new LatencyAccount(ofWaits));
        }
    }

    public void look(long nowNs) {
        long elapsedNs = nowNs - lookedNs;
        lookedNs = nowNs;
        threads.forEach(t -> t.look(elapsedNs));
        links.forEach(l -> l.forEach(a -> a.look(elapsedNs)));
        reads.forEach(r -> r.look(elapsedNs));
        waits.forEach(w -> w.look(elapsedNs));
    }

    /** The stream has been told: its next {@link #reads} are those from now on. */
    public void told() {
        reads.forEach(LatencyAccount::told);
    }

    /** Of all threads together. */
    public List<Telemetry.Count> counts() {
        List<Telemetry.Count> counts = new ArrayList<>();
        for (BoardCounter c : BoardCounter.values()) {
            counts.add(new Telemetry.Count(c.number(), sum(threads, c)));
        }
        return counts;
    }

    /** What vCPUs have asked of a device. */
    public long messages(int device) {
        long sum = 0;
        for (LinkCounter c : LinkCounter.values()) {
            long n = sum(links.get(device), c);
            if (n == Telemetry.UNKNOWN) {
                return n;
            }
            sum += n;
        }
        return sum;
    }

    /** All exits of the vCPUs to the board. */
    public long exits() {
        long sum = 0;
        for (BoardCounter c : List.of(
                BoardCounter.PIO_READS, BoardCounter.PIO_WRITES, BoardCounter.MMIO_READS, BoardCounter.MMIO_WRITES)) {
            long n = sum(threads, c);
            if (n == Telemetry.UNKNOWN) {
                return n;
            }
            sum += n;
        }
        return sum;
    }

    /** How long the vCPUs waited for a device's registers since the stream was last told. */
    public Telemetry.Latency reads(int device) {
        return reads.get(device).latency();
    }

    /** All of those so far. */
    public List<Long> waitBuckets(int device) {
        return waits.get(device).buckets();
    }

    /** All that were timed so far. */
    public List<Long> readBuckets(int device) {
        return reads.get(device).buckets();
    }

    public int implausible() {
        int sum = 0;
        for (CounterAccount t : threads) {
            sum += t.implausible();
        }
        for (List<CounterAccount> l : links) {
            for (CounterAccount a : l) {
                sum += a.implausible();
            }
        }
        return sum;
    }

    private static long sum(List<CounterAccount> accounts, Counter counter) {
        long sum = 0;
        for (CounterAccount a : accounts) {
            long n = a.total(counter);
            if (n == Telemetry.UNKNOWN) {
                return n;
            }
            sum += n;
        }
        return sum;
    }

    @Override
    public void close() {
        page.close();
    }
}
