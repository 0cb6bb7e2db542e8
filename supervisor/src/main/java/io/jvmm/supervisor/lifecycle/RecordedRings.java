package io.jvmm.supervisor.lifecycle;

import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.state.CommittedState;
import io.jvmm.ipc.state.StateFormatException;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.supervisor.journal.FinalState;
import io.jvmm.supervisor.journal.RecorderWords;
import io.jvmm.supervisor.launch.ProcessInstance;
import io.jvmm.supervisor.launch.Recording;
import io.jvmm.supervisor.launch.Trace;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The trace rings of a machine that a recorder is not done with, and what became of the processes that wrote them. They outlive recorders: what
 * one has not read, the next does. Event-loop thread only.
 */
final class RecordedRings {
    /** Its process is dead: nobody else commits to it. */
    private static final int MOST_TRIES = 1;

    private final Supplier<? extends Collection<ProcessInstance>> devices;
    private final Recording recording;
    private final Function<ProcessInstance, Fd> states;
    /** Of each device, the ring that its process has. */
    private final Map<ProcessInstance, Trace> current = new HashMap<>();
    /** By their words; the oldest first. */
    private final Map<String, Ring> open = new LinkedHashMap<>();
    /** Of processes whose ring is not ended yet. */
    private final Map<ProcessInstance, End> ends = new HashMap<>();

    /**
     * How a process ended.
     *
     * @param drained whether it had done all it was to do, and so ended in good order whatever ended it
     * @param state what it has left; empty when that cannot be read
     */
    private record End(String how, boolean drained, Optional<FinalState> state) {
        static End of(String how) {
            return new End(how, false, Optional.empty());
        }

        End drained(String reason) {
            return new End(reason, true, state);
        }
    }

    /** A ring that a recorder reads, or will. */
    static final class Ring {
        private final Trace trace;
        private final ProcessInstance device;
        /** When its process was started: a recorder may come later. */
        private final Instant began = Instant.now();
        /** Whether the recorder there is has been told of it, and of its end. */
        private boolean begunTold;

        private boolean endTold;
        /** Null while its process lives. */
        private @Nullable End end;

        private int life;
        private boolean severed;

        Ring(Trace trace, ProcessInstance device) {
            this.trace = trace;
            this.device = device;
        }

        ProcessInstance device() {
            return device;
        }

        /** How its process ended; empty while that lives. */
        Optional<String> how() {
            return Optional.ofNullable(end).map(End::how);
        }

        String word() {
            return trace.word();
        }

        /** The number of its life in the journal; 0 until a recorder has said. */
        int life() {
            return life;
        }

        void life(int number) {
            life = number;
        }

        /** Nothing more is recorded of it, a recorder says; whether that is news: one that comes after one that died says it again. */
        boolean sever() {
            boolean news = !severed;
            severed = true;
            return news;
        }
    }

    /**
     * None yet.
     *
     * @param devices of the machine
     * @param states where a device's process has its state
     */
    RecordedRings(
            Supplier<? extends Collection<ProcessInstance>> devices,
            Recording recording,
            Function<ProcessInstance, Fd> states) {
        this.devices = devices;
        this.recording = recording;
        this.states = states;
    }

    boolean isEmpty() {
        return open.isEmpty();
    }

    List<Ring> all() {
        return List.copyOf(open.values());
    }

    /** The ring of this name, unless the recorder is done with it. */
    Optional<Ring> find(String word) {
        return Optional.ofNullable(open.get(word));
    }

    /** The number of the life that a device lives; 0 where it is not recorded, or the recorder has not said. */
    int life(ProcessInstance device) {
        Trace trace = current.get(device);
        return trace == null ? 0 : find(trace.word()).map(Ring::life).orElse(0);
    }

    /** Whether each process that lives has its life in the journal, or will have none. */
    boolean allBegun() {
        return open.values().stream().allMatch(r -> r.life != 0 || r.severed || r.end != null);
    }

    /** Whether the device's process writes it now. */
    boolean isCurrent(Ring ring) {
        return ring.trace.equals(current.get(ring.device));
    }

    /** A process has ended, told as the user would be. Its state is still what it has left. */
    void ended(ProcessInstance device, String how) {
        if (current.containsKey(device)) {
            ends.put(device, new End(how, false, left(device)));
        }
    }

    private Optional<FinalState> left(ProcessInstance device) {
        try {
            CommittedState state = CommittedState.read(states.apply(device), MOST_TRIES);
            return Optional.of(FinalState.of(state.sequence(), state.state()));
        } catch (StateFormatException | SysException e) {
            return Optional.empty(); // it never came so far, or lies
        }
    }

    /** One that has ended had been drained: another process goes on where it was. */
    void drained(ProcessInstance device, String reason) {
        End end = ends.get(device);
        if (end != null) {
            ends.put(device, end.drained(reason));
        }
    }

    /** Looks which processes have come and gone since the last time. */
    void reconcile() {
        for (ProcessInstance device : devices.get()) {
            Trace now = recording.trace(device).orElse(null);
            Trace was = current.get(device);
            if (Objects.equals(now, was)) {
                continue;
            }
            if (was != null) {
                over(was.word(), ends.getOrDefault(device, End.of("replaced by another process")));
            }
            ends.remove(device);
            if (now == null) {
                current.remove(device);
            } else {
                current.put(device, now);
                open.put(now.word(), new Ring(now, device));
            }
        }
    }

    private void over(String word, End how) {
        Ring ring = open.get(word);
        if (ring != null && ring.end == null) {
            ring.end = how;
        }
    }

    /** The machine has ended, and all its processes with it. */
    void allOver() {
        reconcile();
        all().forEach(r -> over(r.word(), ends.getOrDefault(r.device, End.of("the machine ended"))));
    }

    /** The recorder has gone: the next one knows nothing. */
    void forgotten() {
        for (Ring r : open.values()) {
            r.begunTold = false;
            r.endTold = false;
        }
    }

    /** The recorder is done with one. */
    void done(Ring ring) {
        if (ring.end != null) {
            open.remove(ring.word());
            ring.trace.close();
        }
    }

    /**
     * Closes rings of processes that have ended, the oldest first, until there are no more than {@code most}: each is 4 MiB and two descriptors, and
     * nobody may ever read them.
     *
     * @return how many those were: of as many processes the last records are missing
     */
    int letGo(int most) {
        List<Ring> ended = open.values().stream().filter(r -> r.end != null).toList();
        List<Ring> gone = ended.subList(0, Math.max(0, ended.size() - most));
        for (Ring r : gone) {
            open.remove(r.word());
            r.trace.close();
        }
        return gone.size();
    }

    /** Tells a recorder what it does not know. */
    void tell(Consumer<BootRecord.Builder> recorder) {
        for (Ring r : new ArrayList<>(open.values())) {
            End end = r.end;
            if (!r.begunTold) {
                r.begunTold = true;
                BootRecord.Builder record = about(RecorderWords.BEGIN, r)
                        .put(RecorderWords.DEVICE, r.device.process())
                        .put(RecorderWords.BEGAN, r.began.toString());
                if (r.life != 0) {
                    record.put(RecorderWords.LIFE, r.life);
                }
                r.trace.give(record);
                recorder.accept(record);
            }
            if (end != null && !r.endTold) {
                r.endTold = true;
                BootRecord.Builder record = about(RecorderWords.END, r)
                        .put(RecorderWords.HOW, end.how())
                        .put(RecorderWords.DRAINED, Boolean.toString(end.drained()));
                end.state().ifPresent(s -> record.put(RecorderWords.STATE, s.toString()));
                recorder.accept(record);
            }
        }
    }

    private static BootRecord.Builder about(String what, Ring r) {
        return BootRecord.builder().put(RecorderWords.DO, what).put(RecorderWords.RING, r.word());
    }
}
