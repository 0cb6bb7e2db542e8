package io.jvmm.ipc.counters;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Mapping;
import io.jvmm.ipc.sys.MemFd;
import org.agrona.concurrent.AtomicBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/** The counters page of a device process, as either side has it mapped. Which side is believed what, see {@link CountersLayout}. */
public final class DevicePage implements AutoCloseable {
    private final Mapping mapping;
    private final AtomicBuffer page;

    private DevicePage(Mapping mapping) {
        this.mapping = mapping;
        this.page = mapping.buffer();
    }

    /** A new one, for the supervisor to hand over. */
    public static MemFd create(String name) {
        MemFd memFd = MemFd.createSealed(name, CountersLayout.deviceBytes());
        try (Mapping mapping = memFd.map()) {
            PageHeader.write(mapping.buffer(), CountersLayout.KIND_DEVICE, 0, 0);
        }
        return memFd;
    }

    /**
     * Maps one.
     *
     * @throws IllegalArgumentException when it is none
     */
    public static DevicePage map(Fd fd) {
        Mapping mapping = PageHeader.map(fd, CountersLayout.deviceBytes());
        try {
            PageHeader.check(mapping.buffer(), CountersLayout.KIND_DEVICE, 0, 0);
            return new DevicePage(mapping);
        } catch (IllegalArgumentException e) {
            mapping.close();
            throw e;
        }
    }

    /** Maps one that this side has made, and whose header it does not look at again. */
    public static DevicePage ofOwn(MemFd memFd) {
        return new DevicePage(memFd.map());
    }

    /** Those of {@link DeviceCounter}. */
    public CounterBlock counters() {
        return new CounterBlock(page, CountersLayout.HEADER_BYTES, CountersLayout.BLOCK_BYTES);
    }

    /** How long messages took. */
    public CounterBlock service() {
        return new CounterBlock(page, CountersLayout.SERVICE, CountersLayout.HISTOGRAM_BYTES);
    }

    /** How long requests took. */
    public CounterBlock completion() {
        return new CounterBlock(page, CountersLayout.COMPLETION, CountersLayout.HISTOGRAM_BYTES);
    }

    /** The device's end of the trace. */
    public TraceWriter traceWriter() {
        return new TraceWriter(trace());
    }

    /** The supervisor's end of the trace. */
    public TraceReader traceReader() {
        return new TraceReader(trace());
    }

    private AtomicBuffer trace() {
        return new UnsafeBuffer(page);
    }

    /** Nobody may use what was taken from it any more. */
    @Override
    public void close() {
        mapping.close();
    }
}
