package io.jvmm.ipc.counters;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Mapping;
import io.jvmm.ipc.sys.MemFd;
import org.agrona.concurrent.AtomicBuffer;

/** The counters page of the vCPU process, as either side has it mapped. See {@link CountersLayout}. */
public final class BoardPage implements AutoCloseable {
    /** Beside those of the vCPUs: the board thread's block, and that of PCI. */
    static final int MORE_THREADS = 2;

    private final Mapping mapping;
    private final AtomicBuffer page;
    private final int vcpus;
    private final int devices;

    private BoardPage(Mapping mapping, int vcpus, int devices) {
        this.mapping = mapping;
        this.page = mapping.buffer();
        this.vcpus = vcpus;
        this.devices = devices;
    }

    /** A new one, for the supervisor to hand over. */
    public static MemFd create(String name, int vcpus, int devices) {
        MemFd memFd = MemFd.createSealed(name, CountersLayout.vcpuBytes(vcpus, devices));
        try (Mapping mapping = memFd.map()) {
            PageHeader.write(mapping.buffer(), CountersLayout.KIND_VCPU, vcpus, devices);
        }
        return memFd;
    }

    /**
     * Maps one.
     *
     * @throws IllegalArgumentException when it is none, or not of this machine
     */
    public static BoardPage map(Fd fd, int vcpus, int devices) {
        Mapping mapping = PageHeader.map(fd, CountersLayout.vcpuBytes(vcpus, devices));
        try {
            PageHeader.check(mapping.buffer(), CountersLayout.KIND_VCPU, vcpus, devices);
            return new BoardPage(mapping, vcpus, devices);
        } catch (IllegalArgumentException e) {
            mapping.close();
            throw e;
        }
    }

    /** Maps one that this side has made, and whose header it does not look at again. */
    public static BoardPage ofOwn(MemFd memFd, int vcpus, int devices) {
        return new BoardPage(memFd.map(), vcpus, devices);
    }

    public int vcpus() {
        return vcpus;
    }

    public int devices() {
        return devices;
    }

    /** Those of {@link BoardCounter} that a vCPU's thread counts. */
    public CounterBlock vcpu(int index) {
        return thread(index);
    }

    /** Those of the board thread. */
    public CounterBlock board() {
        return thread(vcpus);
    }

    /** Those of PCI, which several threads count under its lock. */
    public CounterBlock pci() {
        return thread(vcpus + 1);
    }

    private CounterBlock thread(int i) {
        return new CounterBlock(page, CountersLayout.threadAt(i), CountersLayout.BLOCK_BYTES);
    }

    /** Those of {@link LinkCounter} of one vCPU and one device. */
    public CounterBlock link(int vcpu, int device) {
        return new CounterBlock(
                page, CountersLayout.linkAt(vcpus, devices, vcpu, device), CountersLayout.LINK_COUNTERS_BYTES);
    }

    /** How long reads of a device took. */
    public CounterBlock reads(int vcpu, int device) {
        return histogram(vcpu, device, CountersLayout.LINK_READS);
    }

    /** How long those reads took that had to wait. */
    public CounterBlock waits(int vcpu, int device) {
        return histogram(vcpu, device, CountersLayout.LINK_WAITS);
    }

    private CounterBlock histogram(int vcpu, int device, int which) {
        return new CounterBlock(
                page, CountersLayout.linkAt(vcpus, devices, vcpu, device) + which, CountersLayout.HISTOGRAM_BYTES);
    }

    /** Nobody may use what was taken from it any more. */
    @Override
    public void close() {
        mapping.close();
    }
}
