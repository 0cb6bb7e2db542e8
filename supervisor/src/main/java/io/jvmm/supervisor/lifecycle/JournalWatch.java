package io.jvmm.supervisor.lifecycle;

import io.jvmm.ipc.boot.BootFormatException;
import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.message.LogLevel;
import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.ExitStatus;
import io.jvmm.supervisor.config.Quoted;
import io.jvmm.supervisor.config.VmConfig;
import io.jvmm.supervisor.journal.RecorderWords;
import io.jvmm.supervisor.launch.ProcessInstance;
import io.jvmm.supervisor.launch.Recording;
import io.jvmm.supervisor.launch.StartedProcess;
import io.jvmm.supervisor.launch.Successors;
import io.jvmm.supervisor.telemetry.Telemetry;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The recorder in the event loop: it is started when the first device is recorded, told which rings there are, asked whether it lives, and started
 * anew when it dies or hangs: as often as a device's process may be, and then once a minute. The rings outlive it. A recorder that is not there, or
 * is slow, costs the guest nothing but 20 ms once for each ring that runs full. Event-loop thread only.
 */
final class JournalWatch implements AutoCloseable {
    private static final long AGAIN_NS = 1_000_000_000L;
    /** When the budget is spent: what is wrong may be mended meanwhile, a full disk above all. */
    private static final long MUCH_LATER_NS = 60_000_000_000L;
    /** When the host lacks something, as room: it is looked for again, and is told once. */
    private static final long LACK_NS = 10_000_000_000L;
    /** So many rings of processes that have ended are kept for a recorder that does not come to them. */
    private static final int MOST_ENDED = 64;
    /** So long a machine that has ended waits for its last records to be kept. */
    private static final long FINISH_NS = 10_000_000_000L;

    private final MachineLoop loop;
    private final VmConfig config;
    private final Recording recording;
    private final PollSlots slots;
    private final Console console;
    private final RecordedRings rings;
    private final RecorderQuestions<RecorderStatus> questions;
    private final RecorderRoom room;
    private final Deque<Long> restarts = new ArrayDeque<>();
    private final List<Renewal> renewals = new ArrayList<>();
    private @Nullable RecorderProcess running;
    private boolean starting;
    /** The machine has ended: one more recorder is tried at most. */
    private boolean closing;
    /** There is to be a recorder for those who wait, even where nothing is recorded. */
    private final RecorderWaits waits = new RecorderWaits();

    private OptionalInt allowedCalls = OptionalInt.empty();
    /** Whether the user has been told that nothing is recorded for a while. */
    private boolean off;
    /** Of so many processes nobody will read the last records. */
    private int missed;
    /** Why nothing is recorded, or not all of it; empty while all is well. */
    private String trouble = "";
    /** When one is started again; {@link MachineLifecycle#NEVER} while none is waited for. */
    private long startsNs = MachineLifecycle.NEVER;

    /** A new life is wanted for a device. */
    record Renewal(ProcessInstance device, String why) {}

    JournalWatch(MachineLoop loop, VmConfig config, Successors successors, PollSlots slots, Console console) {
        this.loop = loop;
        this.config = config;
        this.recording = successors.recording();
        this.slots = slots;
        this.console = console;
        this.room = new RecorderRoom((level, pid, event, line) -> {
            loop.observation().recorder(Telemetry.Kind.RECORDING, level, pid, event);
            loop.say(line);
        });
        this.questions = new RecorderQuestions<>(config.lifecycle().hangTimeout());
        this.rings = new RecordedRings(
                loop::devices, recording, device -> successors.view(device).state());
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
        RecorderProcess r = running;
        return r == null ? 0 : r.pid();
    }

    /** Whether the recorder serves. */
    boolean isReady() {
        RecorderProcess r = running;
        return r != null && r.isReady();
    }

    /** Whether the recorder would take what a process writes that is started now. */
    boolean isServing() {
        return isReady() && !room.isFull();
    }

    /** A machine begins to live: its guest waits until what is to be recorded is. */
    void begin(MachineLifecycle machine) {
        if (loop.devices().stream().anyMatch(recording::isRecorded)) {
            machine.awaitRecording();
            await(this::isRecording, MachineLifecycle.NEVER, _ -> loop.handle(new MachineEvent.RecordingKnown()));
        }
    }

    /** Calls once there is a recorder, whose jail has been looked at, or there is none to be had. */
    void whenReady(Runnable then) {
        await(this::isReady, MachineLifecycle.NEVER, _ -> then.run());
    }

    /** Whether all that is to be recorded is: each process has its life in the journal, or will have none. */
    boolean isRecording() {
        return isReady() && rings.allBegun();
    }

    /**
     * Waits until the recorder has come so far; there will be one for that. Called back by {@link #tick} or {@link #close}, never by this.
     *
     * @param patienceNs so long at most, or {@link MachineLifecycle#NEVER}
     */
    void await(BooleanSupplier until, long patienceNs, RecorderWaits.Then then) {
        long deadlineNs = patienceNs == MachineLifecycle.NEVER ? patienceNs : Clock.monotonicNs() + patienceNs;
        waits.add(until, deadlineNs, then);
    }

    /** Whether nothing can be recorded, and that may take long. */
    private boolean isHopeless() {
        return off || room.isFull() || !recording.isPossible();
    }

    /** How many system calls the recorder's filter lets through, once there has been one. */
    OptionalInt allowedCalls() {
        return allowedCalls;
    }

    /** Why nothing is recorded, or not all of it: a sentence without an end. Empty while all is well. */
    String trouble() {
        return trouble.isEmpty() ? room.lack() : trouble;
    }

    /** The number of the life that a device lives; 0 where it is not recorded, or the recorder has not said. */
    int life(ProcessInstance device) {
        return rings.life(device);
    }

    /** A new life that a device is to begin, as its recorder wishes; the caller does it. */
    List<Renewal> takeRenewals() {
        List<Renewal> taken = List.copyOf(renewals);
        renewals.clear();
        return taken;
    }

    /** A process has ended, told as the user would be; nobody else has its state yet. */
    void ended(ProcessInstance device, String how) {
        rings.ended(device, how);
    }

    /** One that has ended had been drained, and another goes on where it was. */
    void drained(ProcessInstance device, String reason) {
        rings.drained(device, reason);
    }

    /** Does what is to be done, before the loop sleeps. */
    void tick(long nowNs) {
        if (!recording.isPossible()) {
            waits.serve(true, nowNs);
            return;
        }
        rings.reconcile();
        missed += rings.letGo(off ? 0 : MOST_ENDED);
        RecorderProcess r = running;
        if (r != null) {
            r.tick(nowNs).ifPresent(wrong -> kill(r, wrong));
        }
        boolean wanted = r == null && !starting && (!rings.isEmpty() || !waits.isEmpty());
        if (wanted && (startsNs == MachineLifecycle.NEVER || nowNs >= startsNs)) {
            start();
        }
        if (r != null && questions.isOverdue(nowNs)) {
            questions.forget();
            kill(r, "does not answer");
        }
        questions.giveUp(nowNs);
        room.tick(nowNs);
        tell();
        waits.serve(isHopeless(), nowNs);
    }

    private void start() {
        startsNs = MachineLifecycle.NEVER;
        starting = true;
        loop.replacer().starts().begin(ProcessInstance.RECORDER, recording::startRecorder);
    }

    /** When {@link #tick} must be called at the latest. */
    long nextDeadlineNs() {
        RecorderProcess r = running;
        long nextNs =
                r != null ? r.nextDeadlineNs() : rings.isEmpty() && waits.isEmpty() ? MachineLifecycle.NEVER : startsNs;
        return Math.min(
                Math.min(nextNs, room.nextDeadlineNs()), Math.min(questions.nextDeadlineNs(), waits.nextDeadlineNs()));
    }

    /** Tells the recorder what it does not know. */
    private void tell() {
        RecorderProcess r = running;
        if (r != null && r.isReady()) {
            rings.tell(record -> send(r, record));
        }
    }

    private void send(RecorderProcess r, BootRecord.Builder record) {
        r.send(record).ifPresent(wrong -> kill(r, wrong));
    }

    private void kill(RecorderProcess r, String wrong) {
        loop.say("the recorder " + wrong + ", and is killed.");
        r.kill();
    }

    /** Its program has been started, or could not be. */
    void started(Starts.Done done, long nowNs) {
        starting = false;
        StartedProcess process = done.started();
        if (process == null) {
            failed("the recorder could not be started: " + done.failure(), true, nowNs);
            return;
        }
        RecorderProcess r = new RecorderProcess(process, config.lifecycle(), slots, console, nowNs);
        running = r;
        loop.observation().started(ProcessInstance.RECORDER, r.pid());
        if (r.send(recording.recorderRecord(process)).isPresent()) {
            r.kill(); // its end is heard of
        }
    }

    /** @param lacking whether the host lacks something: another attempt a moment later would end as this one did */
    private void failed(String why, boolean lacking, long nowNs) {
        boolean known = why.equals(trouble);
        trouble = why;
        if (closing) {
            return;
        }
        restarts.removeIf(
                at -> nowNs - at > config.lifecycle().restarts().window().toNanos());
        if (off || lacking || restarts.size() >= config.lifecycle().restarts().restarts()) {
            startsNs = nowNs + (lacking ? LACK_NS : MUCH_LATER_NS);
            if (!off) {
                off = true;
                loop.say(why + ". Nothing is recorded, and the machine goes on; it is tried again "
                        + (lacking ? "every 10 s." : "every minute."));
            }
            questions.forget();
            return;
        }
        boolean first = restarts.isEmpty();
        restarts.add(nowNs);
        startsNs = first ? nowNs : nowNs + AGAIN_NS;
        String told = why + ". Another one is started.";
        if (known || off) {
            loop.detail(told);
        } else {
            loop.say(told);
        }
    }

    /** Does what the last poll found. */
    void serve() {
        RecorderProcess r = running;
        if (r == null) {
            return;
        }
        if (r.hasMessage()) {
            var _ = listen(r);
        }
        r.readOutput();
        if (r.hasEnded()) {
            r.started().process().pidfd().poll().ifPresent(status -> {
                hearTheRest(r);
                collect(r, status);
            });
        }
    }

    /** What it said before it ended, which is no more than a socket holds, counts: that it is done with a ring above all. */
    private void hearTheRest(RecorderProcess r) {
        boolean more = true;
        while (more) {
            more = listen(r);
        }
    }

    private void collect(RecorderProcess r, ExitStatus status) {
        String words = r.free();
        running = null;
        room.forget();
        r.started().process().pidfd().close();
        recording.forget(r.started());
        questions.forget(); // nobody else answers them
        rings.forgotten();
        String how = Why.told(status) + (words.isEmpty() ? "" : ", saying: " + words);
        String end = "the recorder " + how;
        boolean expected = loop.phase() == Phase.STOPPED && rings.isEmpty();
        tell(Telemetry.Kind.ENDED, expected ? LogLevel.INFO : LogLevel.WARN, r, how);
        if (!expected) {
            failed(end, false, Clock.monotonicNs());
        }
    }

    /**
     * One message. It is not trusted as the supervisor is: what it says is looked at, and what makes no sense ends it.
     *
     * @return whether there may be another
     */
    private boolean listen(RecorderProcess r) {
        long nowNs = Clock.monotonicNs();
        Optional<BootRecord> said = Optional.empty();
        try {
            said = r.next(nowNs);
            if (said.isPresent()) {
                questions.heard(nowNs);
                hear(r, said.get());
            }
            return said.isPresent();
        } catch (BootFormatException | IllegalArgumentException e) {
            r.ignore();
            String what =
                    e.getMessage() + said.map(s -> "; it said " + words(s)).orElse("");
            kill(r, "breaks the protocol (" + visible(what) + ")");
            return false;
        }
    }

    private static String words(BootRecord record) {
        return record.keys().stream()
                .map(key -> key + " = " + Quoted.of(record.text(key)))
                .collect(Collectors.joining(", "));
    }

    private void hear(RecorderProcess r, BootRecord record) {
        String what = record.text(RecorderWords.DO);
        switch (what) {
            case RecorderWords.ALIVE -> {
                // That is all.
            }
            case RecorderWords.READY -> ready(r, record.text(RecorderWords.FILTER));
            case RecorderWords.STATUS -> {
                RecorderStatus status = RecorderStatus.of(record, rings.all());
                questions.answered(record.longInteger(RecorderWords.ID)).ifPresent(a -> a.accept(Optional.of(status)));
            }
            case RecorderWords.FULL -> room.full(r.pid(), visible(record.text(RecorderWords.HOW)), Clock.monotonicNs());
            case RecorderWords.ROOM -> room.room(r.pid());
            default -> rings.find(record.text(RecorderWords.RING)).ifPresent(ring -> hear(what, ring, record));
        }
    }

    private void hear(String what, RecordedRings.Ring ring, BootRecord record) {
        String name = ring.device().process();
        switch (what) {
            case RecorderWords.BEGUN -> begun(ring, record.integer(RecorderWords.LIFE));
            case RecorderWords.RENEW -> {
                String how = visible(record.text(RecorderWords.HOW));
                loop.detail("the recorder wants a new life of " + name + ": " + how);
                if (rings.isCurrent(ring)) {
                    renewals.add(new Renewal(ring.device(), how));
                }
            }
            case RecorderWords.SEVERED -> {
                String how = "breaks the protocol (" + visible(record.text(RecorderWords.HOW)) + ")";
                if (!ring.sever()) {
                    return;
                }
                loop.observation()
                        .recorded(Telemetry.Kind.VIOLATION, LogLevel.ERROR, ring.device(), "what it records " + how);
                loop.say("what " + name + " records " + how + ": life " + ring.life()
                        + " ends here, and nothing more of this process is recorded.");
            }
            case RecorderWords.ENDED -> {
                ring.how()
                        .ifPresent(how -> loop.observation()
                                .recorded(
                                        Telemetry.Kind.LIFE_ENDED,
                                        LogLevel.INFO,
                                        ring.device(),
                                        "life " + ring.life() + " in the journal: " + how));
                rings.done(ring);
            }
            default -> throw new IllegalArgumentException("the recorder says " + what);
        }
    }

    /** A recorder that comes after one that died says it again. */
    private void begun(RecordedRings.Ring ring, int life) {
        if (ring.life() != life) {
            ring.life(life);
            loop.observation()
                    .recorded(
                            Telemetry.Kind.LIFE_BEGUN,
                            LogLevel.INFO,
                            ring.device(),
                            "life " + life + " in the journal");
        }
    }

    private void tell(Telemetry.Kind kind, LogLevel level, RecorderProcess r, String text) {
        loop.observation().recorder(kind, level, r.pid(), text);
    }

    private static String visible(String text) {
        return text.length() > ChildOutput.LONGEST_LINE
                ? ChildOutput.visible(text.substring(0, ChildOutput.LONGEST_LINE))
                : ChildOutput.visible(text);
    }

    private void ready(RecorderProcess r, String filterHash) {
        List<String> faults = recording.recorderFaults(r.started(), filterHash);
        if (!faults.isEmpty()) {
            kill(r, "is not jailed as it must be: " + String.join("; ", faults));
            return;
        }
        allowedCalls = OptionalInt.of(r.started().variants().getFirst().filter().allowedCalls());
        r.nowReady(Clock.monotonicNs());
        tell(Telemetry.Kind.READY, LogLevel.INFO, r, "ready");
        off = false;
        if (!trouble.isEmpty() || missed > 0) {
            trouble = "";
            loop.say("the recorder is there again: recording goes on."
                    + (missed == 0
                            ? ""
                            : " Of " + missed + " processes that have ended meanwhile it has nothing more."));
            missed = 0;
        }
        loop.detail("the recorder is ready (pid " + r.pid() + ")");
        tell();
    }

    /** Asks the recorder how it is; the answer is empty when there is none to ask. */
    void ask(Consumer<Optional<RecorderStatus>> asker) {
        RecorderProcess r = running;
        if (r == null || !r.isReady()) {
            asker.accept(Optional.empty());
            return;
        }
        long id = questions.ask(asker, Clock.monotonicNs());
        send(r, BootRecord.builder().put(RecorderWords.DO, RecorderWords.STATUS).put(RecorderWords.ID, id));
    }

    /**
     * The machine has ended, and all its device processes with it: what they have left is kept. Where there is no recorder now, or it dies of this, another
     * one is started, once and at once.
     */
    @Override
    public void close() {
        questions.forget();
        waits.forget();
        if (!recording.isPossible()) {
            return;
        }
        closing = true;
        rings.allOver();
        long deadlineNs = Clock.monotonicNs() + FINISH_NS;
        boolean tried = off;
        RecorderProcess told = null;
        while (Clock.monotonicNs() < deadlineNs) {
            if (running == null && !starting) {
                if (tried || rings.isEmpty()) {
                    break;
                }
                tried = true;
                start();
            }
            tell();
            RecorderProcess r = running;
            if (r != null && r.isReady() && r != told) {
                told = r;
                send(r, BootRecord.builder().put(RecorderWords.DO, RecorderWords.FINISH));
            }
            slots.await(Math.max(0, deadlineNs - Clock.monotonicNs()));
            loop.replacer().serve(false, Clock.monotonicNs());
            serve();
        }
        RecorderProcess r = running;
        if (r != null) {
            loop.say("the recorder does not end, and is killed: the last records of this machine may be missing.");
            r.kill();
            var _ = r.free();
            running = null;
            if (r.started().process().await(AGAIN_NS).isPresent()) {
                r.started().process().pidfd().close();
                recording.forget(r.started());
            }
        } else if (!rings.isEmpty()) {
            String why = trouble.isEmpty() ? "there is no recorder" : trouble;
            loop.say(why + ". The last records of this machine are missing.");
        }
    }
}
