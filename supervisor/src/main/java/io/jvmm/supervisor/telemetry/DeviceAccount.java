package io.jvmm.supervisor.telemetry;

import io.jvmm.ipc.counters.DeviceCounter;
import io.jvmm.ipc.counters.DevicePage;
import io.jvmm.ipc.counters.TraceReader;
import io.jvmm.ipc.sys.MemFd;
import java.util.ArrayList;
import java.util.List;

/** What a device's processes have counted, one after the other. One thread. */
public final class DeviceAccount implements AutoCloseable {
    private final DevicePage page;
    private final CounterAccount counters;
    private final LatencyAccount service;
    private final LatencyAccount completion;
    private final TraceReader trace;
    private long lookedNs;
    private int pid;
    private boolean traced;

    /** @param sinceNs when the page was made, or before */
    public DeviceAccount(MemFd memFd, long sinceNs) {
        page = DevicePage.ofOwn(memFd);
        counters = new CounterAccount(page.counters(), List.of(DeviceCounter.values()));
        service = new LatencyAccount(page.service());
        completion = new LatencyAccount(page.completion());
        trace = page.traceReader();
        lookedNs = sinceNs;
    }

    /** Looks at the page; {@code pidNow}: of the process that has it, 0 for none. */
    public void look(int pidNow, long nowNs) {
        if (pidNow != 0 && pidNow != pid) {
            pid = pidNow;
            counters.anotherProcess();
        }
        counters.look(nowNs - lookedNs);
        service.look(nowNs - lookedNs);
        completion.look(nowNs - lookedNs);
        lookedNs = nowNs;
    }

    /** The stream has been told: its next {@link #requests} are those from now on. */
    public void told() {
        completion.told();
    }

    public List<Telemetry.Count> counts() {
        List<Telemetry.Count> counts = new ArrayList<>();
        for (DeviceCounter c : DeviceCounter.values()) {
            counts.add(new Telemetry.Count(c.number(), counters.total(c)));
        }
        return counts;
    }

    /** Those since the stream was last told. */
    public Telemetry.Latency requests() {
        return completion.latency();
    }

    /** All of them so far. */
    public List<Long> requestBuckets() {
        return completion.buckets();
    }

    /** How long messages took, of those that were timed so far. */
    public List<Long> serviceBuckets() {
        return service.buckets();
    }

    public int implausible() {
        return counters.implausible();
    }

    /** One request of so many is written down from now on; 0 for none. */
    public void traceEvery(int requests) {
        traced = requests > 0;
        trace.every(requests);
    }

    public boolean traced() {
        return traced;
    }

    /** Takes what has been written down. */
    public void readTrace(TraceReader.Handler handler) {
        trace.read(handler);
    }

    @Override
    public void close() {
        page.close();
    }
}
