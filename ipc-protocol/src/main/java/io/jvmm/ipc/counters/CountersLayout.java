package io.jvmm.ipc.counters;

/**
 * The bytes of a counters page, PROTOCOL.md "Counters page". All numbers are little-endian.
 *
 * <pre>
 *   0                8             12          16           20            64                 128
 *   | u64 "JVMMCNTR" | u32 version | u32 kind  | u32 vcpus  | u32 devices | u32 trace every  |
 *
 *   kind 1, a device process, from 128 on
 *     counters     48 x i64, those of {@link DeviceCounter}
 *     service      a histogram: from when a message was taken to its commit, every 16th
 *     completion   a histogram: from the notification of a virtqueue to the next interrupt; of devices that answer requests
 *     trace        i64 written, 56 bytes (0), 32 entries of 32 bytes
 *
 *   kind 2, the vCPU process, from 128 on
 *     threads      vcpus + 2 blocks of 48 x i64, those of {@link BoardCounter}: the vCPUs, the board thread, PCI
 *     links        vcpus x devices blocks of 1152: 16 x i64, those of {@link LinkCounter}; a histogram of reads, every 32nd; a
 *                  histogram of those reads that had to wait, every one
 *
 *   histogram      64 x i64, {@link Histogram}
 *   trace entry    | i64 number | u32 type | u32 region or queue | i64 offset * 256 + width, or 0 | i64 nanoseconds |
 * </pre>
 */
public final class CountersLayout {
    /** "JVMMCNTR". */
    public static final long MAGIC = 0x52544e434d4d564aL;

    public static final int VERSION = 1;

    static final int HEADER_MAGIC = 0;
    static final int HEADER_VERSION = 8;
    static final int HEADER_KIND = 12;
    static final int HEADER_VCPUS = 16;
    static final int HEADER_DEVICES = 20;
    static final int HEADER_TRACE_EVERY = 64;
    static final int HEADER_BYTES = 128;

    static final int KIND_DEVICE = 1;
    static final int KIND_VCPU = 2;

    /** Counters of a thread, with room for more. */
    static final int BLOCK_COUNTERS = 48;

    static final int BLOCK_BYTES = BLOCK_COUNTERS * Long.BYTES;
    static final int HISTOGRAM_BYTES = Histogram.BUCKETS * Long.BYTES;

    static final int SERVICE = HEADER_BYTES + BLOCK_BYTES;
    static final int COMPLETION = SERVICE + HISTOGRAM_BYTES;
    static final int TRACE = COMPLETION + HISTOGRAM_BYTES;
    static final int TRACE_WRITTEN = TRACE;
    static final int TRACE_FIRST = TRACE + 64;
    static final int TRACE_ENTRIES = 32;
    static final int TRACE_ENTRY_BYTES = 32;
    static final int TRACE_NUMBER = 0;
    static final int TRACE_TYPE = 8;
    static final int TRACE_REGION = 12;
    static final int TRACE_OFFSET = 16;
    static final int TRACE_NS = 24;

    static final int LINK_COUNTERS_BYTES = 16 * Long.BYTES;
    static final int LINK_READS = LINK_COUNTERS_BYTES;
    static final int LINK_WAITS = LINK_READS + HISTOGRAM_BYTES;
    static final int LINK_BYTES = LINK_WAITS + HISTOGRAM_BYTES;

    private static final int PAGE_BYTES = 4096;

    private CountersLayout() {}

    /** How long the page of a device process is. */
    public static int deviceBytes() {
        return PAGE_BYTES;
    }

    /** How long that of a vCPU process is. */
    public static int vcpuBytes(int vcpus, int devices) {
        return pages(linkAt(vcpus, devices, vcpus, 0));
    }

    /** Of thread {@code i}: a vCPU, then the board thread, then PCI. */
    static int threadAt(int i) {
        return HEADER_BYTES + i * BLOCK_BYTES;
    }

    static int linkAt(int vcpus, int devices, int vcpu, int device) {
        return threadAt(vcpus + BoardPage.MORE_THREADS) + (vcpu * devices + device) * LINK_BYTES;
    }

    private static int pages(int bytes) {
        return (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    }
}
