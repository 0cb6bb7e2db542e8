package io.jvmm.supervisor.journal;

import io.jvmm.ipc.boot.BootChannel;
import io.jvmm.ipc.boot.BootFormatException;
import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.SysException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Reads trace rings into lives, until it is told to finish. While something comes it looks every {@link #NAP_NS}, so that a device that is busy
 * rings no bell; after {@link #BUSY_NS} of silence it sleeps until one rings. One thread. The supervisor is trusted, the writers of rings are not.
 */
final class Recorder implements AutoCloseable {
    /** Rings of a machine, and of some whose processes have just ended. */
    private static final int MOST_RINGS = 256;

    /** Batches of one ring before the others get their turn. */
    private static final int BATCHES_AT_ONCE = 64;
    /** More than a ring can hold: the least batch is 24 bytes there. */
    private static final int TURNS_OF_A_RING = 1 << 14;

    private static final long NAP_NS = 1_500_000;
    private static final long BUSY_NS = 100_000_000;
    /** How often bounds are looked at while something is written. */
    private static final long BOUNDS_NS = 2_000_000_000;

    private static final long PATIENCE_NS = 5_000_000_000L;

    private final JournalDirectory journal;
    private final Bounds bounds;
    private final BootChannel supervisor;
    private final Map<String, Watched> rings = new LinkedHashMap<>();
    private final Poller poller = new Poller(1 + MOST_RINGS);
    private final int[] freeSlots = new int[MOST_RINGS];
    private int freeCount;
    private long busyUntilNs;
    private long boundsNs;
    private boolean finish;

    /** A ring, its place in the poller, and what the supervisor has been told of it. */
    private static final class Watched {
        private final RingDrain drain;
        private final int slot;
        private boolean renewAsked;
        private boolean severedTold;

        Watched(RingDrain drain, int slot) {
            this.drain = drain;
            this.slot = slot;
        }
    }

    Recorder(Path directory, Bounds bounds, BootChannel supervisor) throws JournalException {
        this.journal = new JournalDirectory(directory);
        this.bounds = bounds;
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
            if (drainAll() > 0) {
                busyUntilNs = now + BUSY_NS;
            }
            if (boundsNs != 0 && now >= boundsNs) {
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
        boolean silent = true;
        if (sleep) {
            for (Watched w : rings.values()) {
                silent &= w.drain.prepareToSleep();
            }
        }
        long bounded = boundsNs == 0 ? Poller.FOREVER : Math.max(0, boundsNs - now);
        poller.await(!silent ? 0 : sleep ? bounded : NAP_NS);
        if (sleep) {
            rings.values().forEach(w -> w.drain.awake());
        }
        if (poller.isReady(0, Poller.READABLE)) {
            return listen();
        }
        return !poller.isReady(0, Poller.HANG_UP | Poller.ERROR);
    }

    private int drainAll() throws JournalException {
        int taken = 0;
        for (Watched w : rings.values()) {
            taken += w.drain.drain(BATCHES_AT_ONCE);
            tell(w);
        }
        if (taken > 0 && boundsNs == 0) {
            boundsNs = Clock.monotonicNs() + BOUNDS_NS;
        }
        return taken;
    }

    private void tell(Watched w) {
        if (!w.drain.severed().isEmpty()) {
            if (!w.severedTold) {
                w.severedTold = true;
                poller.ignore(w.slot);
                say(about(RecorderWords.SEVERED, w).put(RecorderWords.HOW, w.drain.severed()));
            }
        } else if (!w.renewAsked && (w.drain.lost() > 0 || w.drain.bytes() >= bounds.lifeBytes())) {
            w.renewAsked = true;
            String how = w.drain.lost() > 0
                    ? "it lost " + w.drain.lost() + " batches, because the recorder did not keep up"
                    : "it has " + w.drain.bytes() + " bytes";
            say(about(RecorderWords.RENEW, w).put(RecorderWords.HOW, how));
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
            case RecorderWords.END -> end(record.text(RecorderWords.RING), record.text(RecorderWords.HOW));
            case RecorderWords.STATUS -> say(status(record.text(RecorderWords.ID)));
            case RecorderWords.FINISH -> {
                for (String ring : List.copyOf(rings.keySet())) {
                    end(ring, "the machine ended");
                }
                finish = true;
            }
            default -> throw new IllegalArgumentException("the supervisor says " + record.text(RecorderWords.DO));
        }
        return true;
    }

    private void begin(BootRecord record) throws JournalException {
        String ring = record.text(RecorderWords.RING);
        String device = record.text(RecorderWords.DEVICE);
        if (!JournalDirectory.isDevice(device) || rings.containsKey(ring) || freeCount == 0) {
            throw new IllegalArgumentException("ring " + ring + " of " + device + " cannot be begun");
        }
        RingDrain drain = RingDrain.open(
                journal,
                device,
                ring,
                record.fd(RecorderWords.FD_TRACE),
                record.fd(RecorderWords.FD_BELL),
                Instant.now());
        Watched w = new Watched(drain, freeSlots[--freeCount]);
        rings.put(ring, w);
        poller.watch(w.slot, drain.bell().fd(), Poller.READABLE);
        say(about(RecorderWords.BEGUN, w).put(RecorderWords.LIFE, drain.life().number()));
        busyUntilNs = 0;
        keepBounds();
    }

    /** The process that wrote the ring is gone: what it has left is all there will be. */
    private void end(String ring, String how) throws JournalException {
        Watched w = rings.remove(ring);
        if (w == null) {
            return;
        }
        for (int turn = 0; turn < TURNS_OF_A_RING && w.drain.drain(BATCHES_AT_ONCE) > 0; turn++) {
            // Until it is empty.
        }
        tell(w);
        poller.ignore(w.slot);
        freeSlots[freeCount++] = w.slot;
        w.drain.end(how);
        say(about(RecorderWords.ENDED, w));
        keepBounds();
    }

    private void keepBounds() throws JournalException {
        boundsNs = 0;
        Set<Path> open =
                rings.values().stream().map(w -> w.drain.life().directory()).collect(Collectors.toSet());
        for (Life life : journal.beyond(bounds.mostBytes(), bounds.oldest(), open, Instant.now())) {
            JournalDirectory.remove(life);
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
        List<Life> lives = journal.lives();
        return status.put(RecorderWords.LIVES, lives.size())
                .put(RecorderWords.BYTES, lives.stream().mapToLong(Life::bytes).sum());
    }

    @Override
    public void close() {
        rings.values().forEach(w -> w.drain.close());
    }
}
