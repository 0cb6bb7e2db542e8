package io.jvmm.vcpu.board;

import io.jvmm.ipc.counters.BoardPage;
import io.jvmm.ipc.counters.CounterBlock;
import io.jvmm.ipc.counters.LinkCounter;
import io.jvmm.ipc.link.BoardEndpoint;
import org.jspecify.annotations.Nullable;

/**
 * Counts what vCPUs ask of one device, each in lines of its own, and times one read of {@value #READS_PER_LOOK}: a look at the clock takes as
 * long as a fast device. Allocates nothing.
 */
final class LinkMeter {
    private static final int READS_PER_LOOK = 32;

    private final CounterBlock[] counters;
    private final CounterBlock[] reads;

    /** One that counts for nobody. */
    LinkMeter(int vcpus) {
        this(null, 0, vcpus);
    }

    /** One that counts in the supervisor's page. */
    LinkMeter(BoardPage page, int device, BoardEndpoint endpoint) {
        this(page, device, page.vcpus());
        for (int vcpu = 0; vcpu < page.vcpus(); vcpu++) {
            endpoint.countWaits(vcpu, page.waits(vcpu, device));
        }
    }

    private LinkMeter(@Nullable BoardPage page, int device, int vcpus) {
        counters = new CounterBlock[vcpus];
        reads = new CounterBlock[vcpus];
        for (int vcpu = 0; vcpu < vcpus; vcpu++) {
            counters[vcpu] = page == null ? new CounterBlock() : page.link(vcpu, device);
            reads[vcpu] = page == null ? new CounterBlock() : page.reads(vcpu, device);
        }
    }

    /** A read is about to be asked; whether it is to be timed. */
    boolean read(int vcpu) {
        return counters[vcpu].next(LinkCounter.READS) % READS_PER_LOOK == 0;
    }

    void timed(int vcpu, long ns) {
        reads[vcpu].record(ns);
    }

    void write(int vcpu) {
        counters[vcpu].increment(LinkCounter.WRITES);
    }

    void kick(int vcpu) {
        counters[vcpu].increment(LinkCounter.KICKS);
    }
}
