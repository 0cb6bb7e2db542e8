package io.jvmm.device.api;

import io.jvmm.ipc.counters.CounterBlock;
import io.jvmm.ipc.counters.DeviceCounter;
import io.jvmm.ipc.counters.DevicePage;
import io.jvmm.ipc.counters.HeapMeter;
import io.jvmm.ipc.counters.TraceWriter;
import io.jvmm.ipc.link.DeviceEndpoint;
import io.jvmm.ipc.link.ProcessEndpoint;
import io.jvmm.ipc.message.DeviceRequestType;
import io.jvmm.ipc.sys.Clock;
import org.jspecify.annotations.Nullable;

/**
 * Counts what a device process does, in the page that the supervisor has handed over, where it goes on with what its predecessor has
 * counted. A count costs a load and a store; the clock is looked at for one message of {@value #MESSAGES_PER_LOOK}, for notifications
 * of devices that answer requests, and for messages that are traced. Device thread; allocates nothing.
 */
final class DeviceMeter {
    private static final int MESSAGES_PER_LOOK = 16;
    private static final long SLOW_PERIOD_NS = 200_000_000;
    private static final long NONE = 0;

    private final CounterBlock counters;
    private final CounterBlock service;
    private final CounterBlock completion;
    private final @Nullable TraceWriter trace;
    /** Null where the time from a notification to an interrupt means nothing. */
    private final @Nullable DeviceFactory answering;

    private final HeapMeter heap;

    private long messages;
    /** When the message that is being handled was taken, where that is to be known. */
    private long takenNs = NONE;

    private boolean traced;
    private boolean timed;
    private long kickedNs = NONE;

    private long inputBefore;
    private long outputBefore;
    private long droppedBefore;
    private long logBefore;

    /** One that counts for nobody. */
    DeviceMeter() {
        this(new CounterBlock(), new CounterBlock(), new CounterBlock(), null, null);
    }

    /** @param factory knows whether the device answers what it is notified of, and what ends that */
    DeviceMeter(DevicePage page, DeviceFactory factory) {
        this(
                page.counters(),
                page.service(),
                page.completion(),
                page.traceWriter(),
                factory.answersKicks() ? factory : null);
    }

    private DeviceMeter(
            CounterBlock counters,
            CounterBlock service,
            CounterBlock completion,
            @Nullable TraceWriter trace,
            @Nullable DeviceFactory answering) {
        this.counters = counters;
        this.service = service;
        this.completion = completion;
        this.trace = trace;
        this.answering = answering;
        this.heap = new HeapMeter(
                counters,
                DeviceCounter.ALLOCATED_BYTES,
                DeviceCounter.COLLECTIONS,
                SLOW_PERIOD_NS,
                Clock.monotonicNs());
    }

    /** A message has been taken. */
    void taken() {
        TraceWriter t = trace;
        traced = t != null && t.wanted();
        timed = ++messages % MESSAGES_PER_LOOK == 0;
        takenNs = traced || timed ? Clock.monotonicNs() : NONE;
    }

    /** It has been handled, and what came of it is committed. */
    void handled(DeviceEndpoint link) {
        DeviceRequestType type = link.request();
        counters.increment(
                switch (type) {
                    case READ -> DeviceCounter.READS;
                    case WRITE -> DeviceCounter.WRITES;
                    case KICK -> DeviceCounter.KICKS;
                    case RESET -> DeviceCounter.RESETS;
                });
        if (kickedNs != NONE && endsWhatIsUnderWay(link, type)) {
            kickedNs = NONE;
        }
        if (takenNs != NONE) {
            long lengthNs = Clock.monotonicNs() - takenNs;
            if (timed) {
                service.record(lengthNs);
            }
            TraceWriter t = trace;
            if (traced && t != null) {
                boolean access = type == DeviceRequestType.READ || type == DeviceRequestType.WRITE;
                t.write(
                        type.number(),
                        access ? link.region() : type == DeviceRequestType.KICK ? link.queue() : 0,
                        access ? (long) link.offset() << Byte.SIZE | link.widthBytes() : 0,
                        lengthNs);
            }
        }
    }

    /** What was asked for is never answered then, and the first interrupt of the next kernel, or of the next driver, is no answer to it. */
    private boolean endsWhatIsUnderWay(DeviceEndpoint link, DeviceRequestType type) {
        DeviceFactory device = answering;
        return type == DeviceRequestType.RESET
                || (type == DeviceRequestType.WRITE
                        && device != null
                        && device.resetsDevice(link.region(), link.offset(), RegisterWindows.value(link)));
    }

    /** A virtqueue has been notified of. The first of several that are under way counts. */
    void kicked() {
        if (answering != null && kickedNs == NONE) {
            kickedNs = Clock.monotonicNs();
        }
    }

    void interrupted() {
        counters.increment(DeviceCounter.INTERRUPTS);
        if (kickedNs != NONE) {
            completion.record(Clock.monotonicNs() - kickedNs);
            kickedNs = NONE;
        }
    }

    void count(DeviceCounter counter) {
        counters.increment(counter);
    }

    /** Now and then: what is not counted where it happens. */
    void look(BackendSet backends, ProcessEndpoint supervisor, long nowNs) {
        if (heap.look(nowNs)) {
            long input = backends.inputBytes();
            long output = backends.outputBytes();
            long dropped = backends.droppedBytes();
            long log = supervisor.logDropped();
            counters.add(DeviceCounter.INPUT_BYTES, input - inputBefore);
            counters.add(DeviceCounter.OUTPUT_BYTES, output - outputBefore);
            counters.add(DeviceCounter.OUTPUT_BYTES_DROPPED, dropped - droppedBefore);
            counters.add(DeviceCounter.LOG_RECORDS_DROPPED, log - logBefore);
            inputBefore = input;
            outputBefore = output;
            droppedBefore = dropped;
            logBefore = log;
        }
    }
}
