package io.jvmm.supervisor.lifecycle;

import io.jvmm.ipc.boot.BootFormatException;
import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.ExitStatus;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.supervisor.config.VmConfig;
import io.jvmm.supervisor.journal.RecorderWords;
import io.jvmm.supervisor.launch.ProcessInstance;
import io.jvmm.supervisor.launch.Recording;
import io.jvmm.supervisor.launch.StartedProcess;
import io.jvmm.supervisor.launch.Trace;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The recorder in the event loop: it is started when the first device is recorded, told which rings there are, and started anew when it
 * dies, as often as a device's process may be. The rings outlive it: what it had not read, its successor reads. A recorder that is not there, or
 * is slow, costs the guest nothing but 20 ms once for each ring that runs full. Event-loop thread only.
 */
final class JournalWatch implements AutoCloseable {
    private static final long READY_NS = 20_000_000_000L;
    private static final long AGAIN_NS = 1_000_000_000L;
    private static final long SEND_NS = 500_000_000L;
    /** So long a machine that has ended waits for its last records to be kept. */
    private static final long FINISH_NS = 10_000_000_000L;
    /** So long an answer may take: the recorder may be in the middle of writing, or of removing lives. */
    private static final long ANSWER_NS = 10_000_000_000L;

    /** A message is whole when it is there. */
    private static final long RECEIVE_NS = 0;

    private final MachineLoop loop;
    private final VmConfig config;
    private final Recording recording;
    private final PollSlots slots;
    private final Console console;
    /** Of each device, the ring that its process has. */
    private final Map<ProcessInstance, Trace> current = new HashMap<>();
    /** By their words, the rings that the recorder is not done with; the oldest first. */
    private final Map<String, Open> open = new LinkedHashMap<>();
    /** How processes ended of which the ring is not ended yet. */
    private final Map<ProcessInstance, String> ends = new HashMap<>();

    private final Map<Long, Consumer<Optional<Status>>> asked = new LinkedHashMap<>();
    private final Deque<Long> restarts = new ArrayDeque<>();
    private final List<Renewal> renewals = new ArrayList<>();
    private @Nullable Running running;
    private boolean starting;
    /** No recorder can be had any more in this life of the machine. */
    private boolean givenUp;
    /** When one is started again; {@link MachineLifecycle#NEVER} while none is waited for. */
    private long startsNs = MachineLifecycle.NEVER;

    private long nextId;
    /** When those who asked have waited long enough. */
    private long answersByNs;

    /** A ring that the recorder reads. */
    private static final class Open {
        final Trace trace;
        final ProcessInstance device;
        /** Whether this recorder has been told of it, and of its end. */
        boolean begunTold;

        boolean endTold;
        /** How its process ended; null while it lives. */
        @Nullable
        String ended;

        int life;

        Open(Trace trace, ProcessInstance device) {
            this.trace = trace;
            this.device = device;
        }
    }

    /** A new life is wanted for a device. */
    record Renewal(ProcessInstance device, String why) {}

    /**
     * What the recorder says of itself.
     *
     * @param rings lines of those it reads
     */
    record Status(List<Ring> rings, long lives, long bytes) {}

    /** One ring. */
    record Ring(ProcessInstance device, int life, long batches, long bytes, long lost) {}

    /** A recorder between its start and its end. */
    private final class Running {
        final StartedProcess process;
        final ChildOutput output;
        final int pidfdSlot;
        final int outputSlot;
        final int controlSlot;
        final long readyByNs;
        boolean ready;
        boolean outputOpen = true;

        Running(StartedProcess process, long nowNs) {
            this.process = process;
            this.output = new ChildOutput(process.instance().process(), nowNs, console::say);
            output.release(false);
            this.pidfdSlot = slots.take(process.process().pidfd().fd(), Poller.READABLE);
            this.outputSlot = slots.take(process.output(), Poller.READABLE);
            this.controlSlot = slots.take(process.control().fd(), Poller.READABLE);
            this.readyByNs = nowNs + READY_NS;
        }

        void readOutput() {
            if (outputOpen && !output.readFrom(process.output(), Clock.monotonicNs())) {
                outputOpen = false;
                slots.ignore(outputSlot);
            }
        }

        void free() {
            slots.free(pidfdSlot);
            slots.free(outputSlot);
            slots.free(controlSlot);
        }
    }

    JournalWatch(MachineLoop loop, VmConfig config, Recording recording, PollSlots slots, Console console) {
        this.loop = loop;
        this.config = config;
        this.recording = recording;
        this.slots = slots;
        this.console = console;
    }

    /** Whether anything can be recorded. */
    boolean isPossible() {
        return recording.isPossible();
    }

    Recording recording() {
        return recording;
    }

    /** The recorder's process; 0 when there is none. */
    int pid() {
        Running r = running;
        return r == null ? 0 : r.process.process().pid();
    }

    /** The number of the life that a device lives; 0 where it is not recorded, or the recorder has not said. */
    int life(ProcessInstance device) {
        Trace trace = current.get(device);
        Open o = trace == null ? null : open.get(trace.word());
        return o == null ? 0 : o.life;
    }

    /** A new life that a device is to begin, as its recorder wishes; the caller does it. */
    List<Renewal> takeRenewals() {
        List<Renewal> taken = List.copyOf(renewals);
        renewals.clear();
        return taken;
    }

    /** A process has ended, told as the user would be. */
    void ended(ProcessInstance device, String how) {
        if (current.containsKey(device)) {
            ends.put(device, how);
        }
    }

    /** Does what is to be done, before the loop sleeps. */
    void tick(long nowNs) {
        if (!recording.isPossible()) {
            return;
        }
        reconcile();
        Running r = running;
        if (r != null && !r.ready && nowNs >= r.readyByNs) {
            loop.say("the recorder is not ready in time, and is killed.");
            kill();
        }
        boolean wanted = r == null && !starting && !givenUp && !open.isEmpty();
        if (wanted && (startsNs == MachineLifecycle.NEVER || nowNs >= startsNs)) {
            startsNs = MachineLifecycle.NEVER;
            starting = true;
            loop.replacer().starts().begin(ProcessInstance.RECORDER, recording::startRecorder);
        }
        if (!asked.isEmpty() && nowNs >= answersByNs) {
            loop.say("the recorder does not answer, and is killed.");
            forgetAsked();
            kill();
        }
        tell();
    }

    /** When {@link #tick} must be called at the latest. */
    long nextDeadlineNs() {
        Running r = running;
        long nextNs = r != null && !r.ready ? r.readyByNs : startsNs;
        return asked.isEmpty() ? nextNs : Math.min(nextNs, answersByNs);
    }

    /** Whose rings there are: processes have come and gone since the last time. */
    private void reconcile() {
        for (ProcessInstance device : loop.devices()) {
            Trace now = recording.trace(device).orElse(null);
            Trace was = current.get(device);
            if (Objects.equals(now, was)) {
                continue;
            }
            if (was != null) {
                over(was.word(), ends.getOrDefault(device, "replaced by another process"));
            }
            ends.remove(device);
            if (now == null) {
                current.remove(device);
            } else {
                current.put(device, now);
                open.put(now.word(), new Open(now, device));
            }
        }
    }

    private void over(String word, String how) {
        Open o = open.get(word);
        if (o != null && o.ended == null) {
            o.ended = how;
        }
    }

    /** Tells the recorder what it does not know. */
    private void tell() {
        Running r = running;
        if (r == null || !r.ready) {
            return;
        }
        for (Open o : open.values()) {
            String ended = o.ended;
            if (!o.begunTold) {
                o.begunTold = true;
                BootRecord.Builder record = about(RecorderWords.BEGIN, o).put(RecorderWords.DEVICE, o.device.process());
                o.trace.give(record);
                send(r, record);
            }
            if (ended != null && !o.endTold) {
                o.endTold = true;
                send(r, about(RecorderWords.END, o).put(RecorderWords.HOW, ended));
            }
        }
    }

    private static BootRecord.Builder about(String what, Open o) {
        return BootRecord.builder().put(RecorderWords.DO, what).put(RecorderWords.RING, o.trace.word());
    }

    private void send(Running r, BootRecord.Builder record) {
        try {
            r.process.control().send(record.build(), "the recorder", SEND_NS);
        } catch (SysException.Disconnected e) {
            // Its end is heard of.
        } catch (SysException e) {
            loop.say("the recorder does not listen (" + e.getMessage() + "), and is killed.");
            kill();
        }
    }

    private void kill() {
        Running r = running;
        if (r != null) {
            r.process.process().kill();
        }
    }

    /** Its program has been started, or could not be. */
    void started(Starts.Done done, long nowNs) {
        starting = false;
        StartedProcess process = done.started();
        if (process == null) {
            failed("the recorder could not be started: " + done.failure(), nowNs);
            return;
        }
        Running r = new Running(process, nowNs);
        running = r;
        try {
            process.control().send(recording.recorderRecord(process), "the recorder", SEND_NS);
        } catch (SysException e) {
            kill(); // or it has died already; its end is heard of
        }
    }

    private void failed(String why, long nowNs) {
        restarts.removeIf(
                at -> nowNs - at > config.lifecycle().restarts().window().toNanos());
        if (restarts.size() >= config.lifecycle().restarts().restarts()) {
            givenUp = true;
            loop.say(why + ". Nothing is recorded any more, and the machine goes on.");
            forgetAsked();
            return;
        }
        boolean first = restarts.isEmpty();
        restarts.add(nowNs);
        startsNs = first ? nowNs : nowNs + AGAIN_NS;
        loop.say(why + ". Another one is started.");
    }

    /** Does what the last poll found. */
    void serve() {
        Running r = running;
        if (r == null) {
            return;
        }
        if (slots.ready(r.controlSlot) != 0) {
            listen(r);
        }
        if (r.outputOpen && slots.ready(r.outputSlot) != 0) {
            r.readOutput();
        }
        if (slots.ready(r.pidfdSlot) != 0) {
            r.process.process().pidfd().poll().ifPresent(status -> collect(r, status));
        }
    }

    private void collect(Running r, ExitStatus status) {
        r.readOutput();
        r.free();
        running = null;
        r.process.process().pidfd().close();
        recording.forget(r.process);
        forgetAsked(); // nobody else answers them
        open.values().forEach(o -> {
            o.begunTold = false;
            o.endTold = false;
        });
        String words = r.output.lastWords();
        String end = "the recorder " + status + (words.isEmpty() ? "" : ", saying: " + words);
        if (loop.phase() != Phase.STOPPED) {
            failed(end, Clock.monotonicNs());
        } else if (!open.isEmpty()) {
            loop.say(end + ". The last records of this machine are missing.");
        }
    }

    /** One message. It is not trusted as the supervisor is: what it says is looked at, and what makes no sense ends it. */
    private void listen(Running r) {
        try {
            BootRecord record = r.process.control().receive(RECEIVE_NS);
            record.fdNames().forEach(name -> record.fd(name).close());
            hear(r, record);
        } catch (BootFormatException | IllegalArgumentException e) {
            slots.ignore(r.controlSlot); // its end, too, shows here
            kill();
        } catch (SysException e) {
            // Nothing was there.
        }
    }

    private void hear(Running r, BootRecord record) {
        String what = record.text(RecorderWords.DO);
        if (what.equals(RecorderWords.READY)) {
            ready(r, record.text(RecorderWords.FILTER));
            return;
        }
        if (what.equals(RecorderWords.STATUS)) {
            Consumer<Optional<Status>> asker = asked.remove(record.longInteger(RecorderWords.ID));
            if (asker != null) {
                asker.accept(Optional.of(status(record)));
            }
            return;
        }
        Open o = open.get(record.text(RecorderWords.RING));
        if (o == null) {
            return; // of one that is over
        }
        switch (what) {
            case RecorderWords.BEGUN -> o.life = record.integer(RecorderWords.LIFE);
            case RecorderWords.RENEW -> {
                String how = visible(record.text(RecorderWords.HOW));
                loop.detail("the recorder wants a new life of " + o.device.process() + ": " + how);
                if (o.trace.equals(current.get(o.device))) {
                    renewals.add(new Renewal(o.device, how));
                }
            }
            case RecorderWords.SEVERED ->
                loop.say("what " + o.device.process() + " records breaks the protocol ("
                        + visible(record.text(RecorderWords.HOW)) + "): life " + o.life
                        + " ends here, and nothing more of this process is recorded.");
            case RecorderWords.ENDED -> {
                if (o.ended != null) {
                    open.remove(o.trace.word());
                    o.trace.close();
                }
            }
            default -> throw new IllegalArgumentException("the recorder says " + what);
        }
    }

    private static String visible(String text) {
        return text.length() > ChildOutput.LONGEST_LINE
                ? ChildOutput.visible(text.substring(0, ChildOutput.LONGEST_LINE))
                : ChildOutput.visible(text);
    }

    private void ready(Running r, String filterHash) {
        List<String> faults = recording.recorderFaults(r.process, filterHash);
        if (!faults.isEmpty()) {
            loop.say("the recorder is not jailed as it must be: " + String.join("; ", faults) + ". It is killed.");
            kill();
            return;
        }
        r.ready = true;
        loop.detail("the recorder is ready (pid " + r.process.process().pid() + ")");
        tell();
    }

    private Status status(BootRecord record) {
        List<Ring> rings = new ArrayList<>();
        for (Open o : open.values()) {
            String word = o.trace.word();
            if (record.findText(word + RecorderWords.OF_LIFE).isPresent()) {
                rings.add(new Ring(
                        o.device,
                        record.integer(word + RecorderWords.OF_LIFE),
                        record.longInteger(word + RecorderWords.OF_BATCHES),
                        record.longInteger(word + RecorderWords.OF_BYTES),
                        record.longInteger(word + RecorderWords.OF_LOST)));
            }
        }
        return new Status(rings, record.longInteger(RecorderWords.LIVES), record.longInteger(RecorderWords.BYTES));
    }

    /** Asks the recorder how it is; the answer is empty when there is none to ask. */
    void ask(Consumer<Optional<Status>> asker) {
        Running r = running;
        if (r == null || !r.ready) {
            asker.accept(Optional.empty());
            return;
        }
        long id = nextId++;
        if (asked.isEmpty()) {
            answersByNs = Clock.monotonicNs() + ANSWER_NS;
        }
        asked.put(id, asker);
        send(r, BootRecord.builder().put(RecorderWords.DO, RecorderWords.STATUS).put(RecorderWords.ID, id));
    }

    private void forgetAsked() {
        List<Consumer<Optional<Status>>> all = List.copyOf(asked.values());
        asked.clear();
        all.forEach(a -> a.accept(Optional.empty()));
    }

    /** The machine has ended, and all its device processes with it: what they have left is kept. */
    @Override
    public void close() {
        forgetAsked();
        if (!recording.isPossible()) {
            return;
        }
        reconcile();
        open.values().forEach(o -> over(o.trace.word(), ends.getOrDefault(o.device, "the machine ended")));
        long deadlineNs = Clock.monotonicNs() + FINISH_NS;
        boolean finishTold = false;
        while ((running != null || starting) && Clock.monotonicNs() < deadlineNs) {
            tell();
            Running r = running;
            if (r != null && r.ready && !finishTold) {
                finishTold = true;
                send(r, BootRecord.builder().put(RecorderWords.DO, RecorderWords.FINISH));
            }
            slots.await(Math.max(0, deadlineNs - Clock.monotonicNs()));
            loop.replacer().serve(false, Clock.monotonicNs());
            serve();
        }
        Running r = running;
        if (r != null) {
            loop.say("the recorder does not end, and is killed: the last records of this machine may be missing.");
            kill();
            if (r.process.process().await(AGAIN_NS).isPresent()) {
                r.process.process().pidfd().close();
                recording.forget(r.process);
            }
            r.free();
            running = null;
        }
    }
}
