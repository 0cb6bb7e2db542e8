package io.jvmm.supervisor.journal;

import io.jvmm.ipc.boot.BootChannel;
import io.jvmm.ipc.boot.BootFormatException;
import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.ipc.trace.TraceRingLayout;
import java.nio.file.Path;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;

/**
 * Reads trace rings into lives, until it is told to finish. While something comes it looks every {@link #NAP_NS}, so that a device that is busy
 * rings no bell before it has filled a good part of its ring; after {@link #BUSY_NS} of silence it sleeps until one rings. One thread. The supervisor is trusted, the writers of rings are not.
 */
final class Recorder implements AutoCloseable {
    /** Rings of a machine, and of some whose processes have just ended. */
    static final int MOST_RINGS = 256;

    /** Of one ring before the others get their turn. */
    private static final int BYTES_AT_ONCE = 512 * 1024;
    /** More than a ring can hold. */
    private static final int TURNS_OF_A_RING = 2 * TraceRingLayout.CAPACITY_BYTES / BYTES_AT_ONCE;

    private static final long NAP_NS = 50_000_000;
    private static final long BUSY_NS = 200_000_000;
    /** How often bounds are looked at while something is written. */
    private static final long BOUNDS_NS = 2_000_000_000;
    /** And while nothing is: lives grow old all the same. */
    private static final long MOST_BOUNDS_NS = 60_000_000_000L;

    /** So many rings of processes that have ended are kept until there is room: the supervisor keeps no more. */
    private static final int MOST_ENDED = 64;

    private static final long PATIENCE_NS = 5_000_000_000L;

    /** How often it says that it lives, in the midst of something long. */
    private static final long ALIVE_NS = 250_000_000;
    /** How often it looks for room on a disk that has none. */
    private static final long ROOM_NS = 1_000_000_000;

    private final JournalDirectory journal;
    private final RoomAhead.Allocator allocator;
    private final BoundsKeeper keeper;
    private final BootChannel supervisor;
    private final Map<String, Watched> rings = new LinkedHashMap<>();
    /** Those that were to be begun while the disk was full. */
    private final Map<String, BootRecord> waiting = new LinkedHashMap<>();

    /** How those have ended whose life could not be ended, because the disk was full. */
    private final Map<String, End> ends = new LinkedHashMap<>();

    private final Poller poller = new Poller(1 + MOST_RINGS);
    private final int[] freeSlots = new int[MOST_RINGS];
    private int freeCount;
    /** How often bounds are looked at when nothing is written: once a minute, and for a journal that keeps less than that as often as it is long. */
    private final long idleBoundsNs;
    /** Bytes of the last turn. */
    private long taken;
    /** There is more in some ring. */
    private boolean behind;

    private long busyUntilNs;
    /** When bounds are looked at next. */
    private long boundsNs;

    private long aliveNs;
    /** When it looks for room again; 0 while there is some. */
    private long roomNs;

    private boolean finish;

    /** How a process ended. */
    private record End(String how, boolean drained, Optional<FinalState> state) {}

    /** A ring, its place in the poller, and what the supervisor has been told of it. */
    private static final class Watched {
        private final RingDrain drain;
        private final int slot;
        private boolean renewAsked;
        /** Its device has all the room that it gets, or its life was removed: what it writes is left in the ring. */
        private boolean full;
        /** Its life has lasted as long as lives are kept. */
        private boolean old;

        private boolean severedTold;

        Watched(RingDrain drain, int slot) {
            this.drain = drain;
            this.slot = slot;
        }
    }

    Recorder(Path directory, Bounds bounds, BootChannel supervisor) throws JournalException {
        this(
                directory,
                bounds,
                supervisor,
                directory.toFile()::getUsableSpace,
                RoomAhead.whereScarce(directory.toFile()::getUsableSpace, Clock::monotonicNs, FileIo::tryAllocate));
    }

    /**
     * @param usableBytes how much room the disk has
     * @param allocator how it is had
     */
    Recorder(
            Path directory,
            Bounds bounds,
            BootChannel supervisor,
            LongSupplier usableBytes,
            RoomAhead.Allocator allocator)
            throws JournalException {
        this.allocator = allocator;
        this.journal = new JournalDirectory(directory);
        this.idleBoundsNs =
                Math.max(BOUNDS_NS, Math.min(MOST_BOUNDS_NS, bounds.oldest().toNanos()));
        this.keeper = new BoundsKeeper(journal, bounds, usableBytes, this::alive);
        this.supervisor = supervisor;
        journal.removeLeftovers();
        poller.add(supervisor.fd(), Poller.READABLE);
        for (int slot = MOST_RINGS; slot >= 1; slot--) {
            poller.add(supervisor.fd(), 0);
        }
        for (int slot = 1; slot <= MOST_RINGS; slot++) {
            poller.ignore(slot);
            freeSlots[freeCount++] = slot;
        }
    }

    /** Serves until it is told to finish, or the supervisor is gone. */
    ProcessExit run() throws JournalException {
        keepBounds();
        while (!finish) {
            long now = Clock.monotonicNs();
            if (roomNs != 0 && now >= roomNs) {
                lookForRoom();
            }
            taken = 0;
            behind = false;
            if (roomNs == 0) {
                drainAll();
            }
            if (taken > 0) {
                busyUntilNs = now + BUSY_NS;
            }
            if (now >= boundsNs) {
                keepBounds();
            }
            if (!await(now)) {
                return ProcessExit.SUPERVISOR_LOST;
            }
        }
        return ProcessExit.STOPPED;
    }

    /** Waits for something to do, and does what the supervisor wants; false when that is gone. */
    private boolean await(long now) throws JournalException {
        boolean sleep = now >= busyUntilNs;
        boolean silent = !behind;
        List<Watched> read = read();
        for (Watched w : read) {
            if (sleep) {
                silent &= w.drain.prepareToSleep();
            } else if (!behind) {
                w.drain.prepareToNap();
            }
        }
        poller.await(!silent ? 0 : sleep ? untilNextLook(now) : NAP_NS);
        for (Watched w : read) {
            w.drain.awake(poller.isReady(w.slot, Poller.READABLE));
        }
        if (poller.isReady(0, Poller.READABLE)) {
            return listen();
        }
        return !poller.isReady(0, Poller.HANG_UP | Poller.ERROR);
    }

    private long untilNextLook(long now) {
        long bounded = Math.max(0, boundsNs - now);
        return roomNs == 0 ? bounded : Math.min(bounded, Math.max(0, roomNs - now));
    }

    /** Those that it takes something out of at the moment. Nobody answers the bells of others: they are not watched. */
    private List<Watched> read() {
        return roomNs != 0
                ? List.of()
                : rings.values().stream()
                        .filter(w -> !w.full && w.drain.severed().isEmpty())
                        .toList();
    }

    /** Waits while the disk is full: what devices write meanwhile is lost, and they say so once there is room. */
    private void lookForRoom() throws JournalException {
        String lack = lackOfRoom();
        if (!lack.isEmpty() && roomNs == 0) {
            removeExcess(); // what is beyond the bounds goes before anything is lost
            lack = lackOfRoom();
        }
        if (!lack.isEmpty()) {
            noRoom(lack);
        } else if (roomNs != 0 && beginWaiting()) {
            roomNs = 0;
            say(BootRecord.builder().put(RecorderWords.DO, RecorderWords.ROOM));
            read().forEach(w -> poller.watch(w.slot, w.drain.bell().fd(), Poller.READABLE));
            Map<String, End> late = new LinkedHashMap<>(ends);
            ends.clear();
            for (Map.Entry<String, End> e : late.entrySet()) {
                end(e.getKey(), e.getValue());
            }
        }
    }

    /** The look says that there is room: the first file that is made tells whether it is ours. */
    private boolean beginWaiting() throws JournalException {
        for (Map.Entry<String, BootRecord> w : List.copyOf(waiting.entrySet())) {
            if (!open(w.getValue())) {
                return false;
            }
            waiting.remove(w.getKey());
        }
        return true;
    }

    private String lackOfRoom() {
        String lack = keeper.lackOfRoom(rings.size() + waiting.size());
        return !lack.isEmpty()
                ? lack
                : rings.values().stream()
                        .filter(w -> !w.full)
                        .map(w -> w.drain.lackOfRoom())
                        .filter(l -> !l.isEmpty())
                        .findFirst()
                        .orElse("");
    }

    /** Nothing more is written until there is room again. */
    private void noRoom(String lack) {
        boolean known = roomNs != 0;
        roomNs = Clock.monotonicNs() + ROOM_NS;
        busyUntilNs = 0;
        if (!known) {
            rings.values().forEach(w -> poller.ignore(w.slot)); // nobody answers their bells
            say(BootRecord.builder().put(RecorderWords.DO, RecorderWords.FULL).put(RecorderWords.HOW, lack));
        }
    }

    private void drainAll() throws JournalException {
        boolean much = false;
        String lack = "";
        for (Watched w : read()) {
            long before = w.drain.bytes();
            int bytes = w.drain.drain(BYTES_AT_ONCE);
            behind |= bytes >= BYTES_AT_ONCE;
            taken += bytes;
            much |= keeper.written(w.drain.bytes() - before);
            tell(w);
            lack = lack.isEmpty() ? w.drain.lack() : lack;
        }
        if (!lack.isEmpty()) {
            noRoom(lack);
        }
        if (much) {
            keepBounds();
        }
        if (taken > 0) {
            boundsNs = Math.min(boundsNs, Clock.monotonicNs() + BOUNDS_NS);
        }
    }

    private void tell(Watched w) {
        if (!w.drain.severed().isEmpty()) {
            if (!w.severedTold) {
                w.severedTold = true;
                poller.ignore(w.slot);
                say(about(RecorderWords.SEVERED, w).put(RecorderWords.HOW, w.drain.severed()));
            }
        } else if (!w.renewAsked) {
            String how = w.drain.isRemoved()
                    ? "its life is not in the journal any more"
                    : w.full
                            ? "its device has filled the journal"
                            : w.old ? "it has lasted as long as lives are kept" : keeper.renewal(w.drain);
            if (!how.isEmpty()) {
                w.renewAsked = true;
                say(about(RecorderWords.RENEW, w).put(RecorderWords.HOW, how));
            }
        }
    }

    /** Says that it lives, in the midst of something that takes its time. */
    private void alive() {
        long now = Clock.monotonicNs();
        if (now - aliveNs > ALIVE_NS) {
            aliveNs = now;
            try {
                say(BootRecord.builder().put(RecorderWords.DO, RecorderWords.ALIVE));
            } catch (SysException.Disconnected e) {
                // That the supervisor has gone is seen when something is waited for.
            }
        }
    }

    private static BootRecord.Builder about(String what, Watched w) {
        return BootRecord.builder().put(RecorderWords.DO, what).put(RecorderWords.RING, w.drain.ring());
    }

    private void say(BootRecord.Builder record) {
        supervisor.send(record.build(), "the supervisor", PATIENCE_NS);
    }

    private boolean listen() throws JournalException {
        BootRecord record;
        try {
            record = supervisor.receive(PATIENCE_NS);
        } catch (BootFormatException | SysException e) {
            return false;
        }
        switch (record.text(RecorderWords.DO)) {
            case RecorderWords.BEGIN -> begin(record);
            case RecorderWords.END ->
                end(
                        record.text(RecorderWords.RING),
                        new End(
                                record.text(RecorderWords.HOW),
                                record.findText(RecorderWords.DRAINED).equals(Optional.of("true")),
                                record.findText(RecorderWords.STATE).flatMap(FinalState::parse)));
            case RecorderWords.STATUS -> say(status(record.text(RecorderWords.ID)));
            case RecorderWords.PING -> say(BootRecord.builder().put(RecorderWords.DO, RecorderWords.ALIVE));
            case RecorderWords.FINISH -> {
                for (String ring : List.copyOf(rings.keySet())) {
                    end(ring, ends.getOrDefault(ring, new End("the machine ended", false, Optional.empty())));
                }
                List.copyOf(ends.keySet()).forEach(this::giveUp);
                finish = true;
            }
            default -> throw new IllegalArgumentException("the supervisor says " + record.text(RecorderWords.DO));
        }
        return true;
    }

    private void begin(BootRecord record) throws JournalException {
        String ring = record.text(RecorderWords.RING);
        String device = record.text(RecorderWords.DEVICE);
        if (!JournalDirectory.isDevice(device)
                || rings.containsKey(ring)
                || waiting.containsKey(ring)
                || freeCount <= waiting.size()) {
            throw new IllegalArgumentException("ring " + ring + " of " + device + " cannot be begun");
        }
        if (roomNs == 0) {
            lookForRoom();
        }
        if (roomNs != 0 || !open(record)) {
            waiting.put(ring, record);
        }
    }

    /** Begins to read a ring; false where the disk has no room for its life's first files. */
    private boolean open(BootRecord record) throws JournalException {
        String ring = record.text(RecorderWords.RING);
        journal.requireThere();
        RingDrain drain;
        try {
            drain = RingDrain.open(
                    journal,
                    record.text(RecorderWords.DEVICE),
                    ring,
                    record.fd(RecorderWords.FD_TRACE),
                    record.fd(RecorderWords.FD_BELL),
                    record.findText(RecorderWords.BEGAN).map(Instant::parse).orElseGet(Instant::now),
                    record.findText(RecorderWords.LIFE).isPresent(),
                    allocator,
                    this::alive);
        } catch (NoRoomException e) {
            noRoom(String.valueOf(e.getMessage()));
            return false;
        }
        Watched w = new Watched(drain, freeSlots[--freeCount]);
        rings.put(ring, w);
        w.full = drain.isRemoved();
        if (roomNs == 0 && !w.full) {
            poller.watch(w.slot, drain.bell().fd(), Poller.READABLE);
        }
        say(about(RecorderWords.BEGUN, w).put(RecorderWords.LIFE, drain.life().number()));
        tell(w); // it may have been severed by the recorder before
        busyUntilNs = 0;
        keepBounds();
        return true;
    }

    /** The process that wrote the ring is gone: what it has left is all there will be. It is kept while there is no room for it. */
    private void end(String ring, End end) throws JournalException {
        ends.remove(ring); // or to look for room would end it, too
        if (roomNs != 0) {
            removeExcess();
            lookForRoom();
        }
        if (waiting.containsKey(ring)) {
            postpone(ring, end);
            return;
        }
        Watched w = rings.get(ring);
        if (w == null) {
            return;
        }
        for (int turn = 0; roomNs == 0 && turn < TURNS_OF_A_RING && w.drain.drain(BYTES_AT_ONCE) > 0; turn++) {
            alive();
        }
        if (roomNs == 0) {
            w.drain.drainUnfinished();
        }
        if (!w.drain.lack().isEmpty()) {
            noRoom(w.drain.lack());
        }
        if (roomNs == 0) {
            close(w, end);
        } else {
            postpone(ring, end);
        }
        keepBounds();
    }

    private void postpone(String ring, End end) {
        ends.put(ring, end);
        if (ends.size() > MOST_ENDED) {
            giveUp(ends.keySet().iterator().next());
        }
    }

    private void giveUp(String ring) {
        End end = Objects.requireNonNull(ends.remove(ring), ring);
        BootRecord never = waiting.remove(ring);
        if (never != null) {
            never.fdNames().forEach(name -> never.fd(name).close());
            say(BootRecord.builder().put(RecorderWords.DO, RecorderWords.ENDED).put(RecorderWords.RING, ring));
            return;
        }
        close(
                Objects.requireNonNull(rings.get(ring), ring),
                new End(end.how + "; the disk was full", false, Optional.empty()));
    }

    private void close(Watched w, End end) {
        tell(w);
        rings.remove(w.drain.ring());
        poller.ignore(w.slot);
        freeSlots[freeCount++] = w.slot;
        w.drain.end(end.how, end.drained, end.state);
        say(about(RecorderWords.ENDED, w));
    }

    /** Where it writes. */
    private Set<Path> open() {
        return rings.values().stream().map(w -> w.drain.life().directory()).collect(Collectors.toSet());
    }

    /** Removes what must go, whatever is written and however full the disk is, and looks what there is room for. */
    private void keepBounds() throws JournalException {
        removeExcess();
        if (roomNs == 0) {
            lookForRoom();
        }
    }

    private void removeExcess() throws JournalException {
        journal.requireThere();
        boundsNs = Clock.monotonicNs() + idleBoundsNs;
        Instant now = Instant.now();
        Set<Path> full = keeper.keep(open(), now);
        for (Watched w : rings.values()) {
            if (!w.full
                    && (w.drain.lookForLife() || full.contains(w.drain.life().directory()))) {
                w.full = true;
                poller.ignore(w.slot);
            }
            w.old |= keeper.isOld(w.drain.life(), now);
            tell(w);
        }
    }

    private BootRecord.Builder status(String id) throws JournalException {
        BootRecord.Builder status =
                BootRecord.builder().put(RecorderWords.DO, RecorderWords.STATUS).put(RecorderWords.ID, id);
        for (Watched w : rings.values()) {
            String ring = w.drain.ring();
            status.put(ring + RecorderWords.OF_LIFE, w.drain.life().number())
                    .put(ring + RecorderWords.OF_BATCHES, w.drain.batches())
                    .put(ring + RecorderWords.OF_BYTES, w.drain.bytes())
                    .put(ring + RecorderWords.OF_LOST, w.drain.lost());
        }
        List<Life> lives = journal.lives(open(), Instant.now(), this::alive);
        return status.put(RecorderWords.LIVES, lives.size())
                .put(RecorderWords.BYTES, lives.stream().mapToLong(Life::bytes).sum());
    }

    @Override
    public void close() {
        rings.values().forEach(w -> w.drain.close());
    }
}
