package io.jvmm.supervisor.lifecycle;

import io.jvmm.ipc.boot.BootFormatException;
import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.supervisor.config.LifecycleConfig;
import io.jvmm.supervisor.journal.RecorderWords;
import io.jvmm.supervisor.launch.StartedProcess;
import java.util.Optional;

/**
 * One recorder between its start and its end: its words, its places in the poll, and whether it lives. It is asked once a second, as device
 * processes are, and whatever it says is a sign of life. Event-loop thread only.
 */
final class RecorderProcess {
    private static final long READY_NS = 20_000_000_000L;
    private static final long SEND_NS = 500_000_000L;
    /** A message is whole when it is there. */
    private static final long RECEIVE_NS = 0;

    private final StartedProcess process;
    private final LifecycleConfig config;
    private final PollSlots slots;
    private final ChildOutput output;
    private final int pidfdSlot;
    private final int outputSlot;
    private final int controlSlot;
    private boolean ready;
    private boolean killed;
    private boolean outputOpen = true;
    /** When it has been silent for too long, or is asked next. */
    private long deadlineNs;
    /** Since when it has not answered; 0 when it has. */
    private long askedNs;

    RecorderProcess(StartedProcess process, LifecycleConfig config, PollSlots slots, Console console, long nowNs) {
        this.process = process;
        this.config = config;
        this.slots = slots;
        this.output = new ChildOutput(process.instance().process(), nowNs, console::say);
        output.release(false);
        this.pidfdSlot = slots.take(process.process().pidfd().fd(), Poller.READABLE);
        this.outputSlot = slots.take(process.output(), Poller.READABLE);
        this.controlSlot = slots.take(process.control().fd(), Poller.READABLE);
        this.deadlineNs = nowNs + READY_NS;
    }

    StartedProcess started() {
        return process;
    }

    int pid() {
        return process.process().pid();
    }

    /** Whether it serves. */
    boolean isReady() {
        return ready;
    }

    /** It serves from now on. */
    void nowReady(long nowNs) {
        ready = true;
        heard(nowNs);
    }

    /** It has said something. */
    void heard(long nowNs) {
        if (ready && !killed) {
            askedNs = 0;
            deadlineNs = DeviceLifecycle.nextPingNs(config, nowNs);
        }
    }

    /** When {@link #tick} must be called at the latest. */
    long nextDeadlineNs() {
        return deadlineNs;
    }

    /** Time has passed; what is wrong with it, if that has just shown: the caller kills it. */
    Optional<String> tick(long nowNs) {
        if (nowNs < deadlineNs) {
            return Optional.empty();
        }
        if (!ready) {
            return Optional.of("is not ready in time");
        }
        if (askedNs == 0) {
            askedNs = nowNs;
            deadlineNs = nowNs + config.hangTimeout().toNanos();
            return send(BootRecord.builder().put(RecorderWords.DO, RecorderWords.PING));
        }
        return Optional.of("has not answered for " + Durations.millis(nowNs - askedNs));
    }

    /** Tells it something; what is wrong with it when it does not listen. That it is gone is heard of in another way. */
    Optional<String> send(BootRecord.Builder record) {
        return send(record.build());
    }

    /** The same. */
    Optional<String> send(BootRecord record) {
        try {
            process.control().send(record, "the recorder", SEND_NS);
            return Optional.empty();
        } catch (SysException.Disconnected e) {
            return Optional.empty();
        } catch (SysException e) {
            return Optional.of("does not listen (" + e.getMessage() + ")");
        }
    }

    /** Its end is heard of; nothing is asked of it any more. */
    void kill() {
        if (!killed) {
            killed = true;
            deadlineNs = MachineLifecycle.NEVER;
            process.process().kill();
        }
    }

    /** Whether the last poll found a message of it, or the end of its socket. */
    boolean hasMessage() {
        return slots.ready(controlSlot) != 0;
    }

    /**
     * What it says next, without its descriptors; empty when there is nothing, and where its socket has ended: then it is on its way out.
     *
     * @throws BootFormatException when that is no record
     */
    Optional<BootRecord> next(long nowNs) {
        BootRecord record;
        try {
            record = process.control().receive(RECEIVE_NS);
        } catch (BootFormatException e) {
            if (!e.isEnd()) {
                throw e;
            }
            ignore();
            kill();
            return Optional.empty();
        } catch (SysException e) {
            return Optional.empty(); // nothing was there
        }
        record.fdNames().forEach(name -> record.fd(name).close());
        heard(nowNs);
        return Optional.of(record);
    }

    /** Its socket has ended, or says nothing that can be understood. */
    void ignore() {
        slots.ignore(controlSlot);
    }

    /** Reads what it has written, if the last poll found anything. */
    void readOutput() {
        if (slots.ready(outputSlot) != 0) {
            readAll();
        }
    }

    private void readAll() {
        if (outputOpen && !output.readFrom(process.output(), Clock.monotonicNs())) {
            outputOpen = false;
            slots.ignore(outputSlot);
        }
    }

    /** Whether the last poll found that it has ended. */
    boolean hasEnded() {
        return slots.ready(pidfdSlot) != 0;
    }

    /** It has been collected; what it said last. */
    String free() {
        readAll();
        slots.free(pidfdSlot);
        slots.free(outputSlot);
        slots.free(controlSlot);
        return output.lastWords();
    }
}
