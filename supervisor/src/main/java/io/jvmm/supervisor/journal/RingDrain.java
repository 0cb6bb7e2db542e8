package io.jvmm.supervisor.journal;

import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.link.Doorbell;
import io.jvmm.ipc.ring.HardenedReader;
import io.jvmm.ipc.ring.Violation;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.trace.BatchReader;
import io.jvmm.ipc.trace.RecordType;
import io.jvmm.ipc.trace.TraceFormatException;
import io.jvmm.ipc.trace.TraceLayout;
import io.jvmm.ipc.trace.TraceRing;
import io.jvmm.ipc.trace.TraceRingLayout;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * One trace ring and the life that it is read into. What several messages of the ring bring becomes one batch of the life, which is appended with the ring's position behind it before their space is given back: a
 * recorder that dies in between finds that position in the life, and so nothing is lost and nothing comes twice. <b>Hostile:</b> the process
 * that writes the ring. One thread.
 */
final class RingDrain implements AutoCloseable {
    /**
     * In the position of a batch, which is a multiple of 8 otherwise: the process is dead, this is what was published of the message that it left
     * unfinished, and a recorder that comes later reads nothing more. What lies behind it in the ring is half of something.
     */
    private static final long READ_TO_ITS_END = 1;

    private final String ring;
    private final Life life;
    private final @Nullable TraceRing memory;
    private final EventFd bell;
    private final @Nullable Doorbell doorbell;
    private final @Nullable HardenedReader reader;
    private final LifeWriter writer;
    private final Seen seen;
    private final long writtenBefore;
    /** Behind the last message that was taken. */
    private long position;
    /** Whether the life has its END. */
    private boolean endAppended;
    /** Why nothing more is read of the ring; empty while something is. */
    private String severed = "";
    /** What was read of the ring before is not in the journal any more. */
    private boolean removed;
    /** Why nothing could be taken when that was last tried; empty when it could. */
    private String lack = "";

    private RingDrain(
            String ring,
            Life life,
            @Nullable TraceRing memory,
            EventFd bell,
            LifeWriter writer,
            long ringPosition,
            long writtenBefore,
            Seen seen) {
        this.seen = seen;
        this.ring = ring;
        this.life = life;
        this.memory = memory;
        this.bell = bell;
        this.writer = writer;
        this.writtenBefore = writtenBefore;
        this.doorbell = memory == null ? null : memory.doorbell(bell);
        this.reader = memory == null ? null : memory.reader(ringPosition);
    }

    /**
     * Goes on where a recorder has been before, or begins a life; one that has been severed stays so. Takes the descriptors.
     *
     * @param begunBefore whether a recorder has begun this ring's life before, as the supervisor knows: what the ring itself says is its process's to choose
     * @param allocator how room on the disk is had
     * @param alive called now and then: a life that another recorder has begun is read through
     * @throws NoRoomException when the disk is full; the descriptors are still the caller's
     * @throws JournalException when the journal cannot be written
     */
    static RingDrain open(
            JournalDirectory journal,
            String device,
            String ring,
            Fd memfd,
            Fd bell,
            Instant now,
            boolean begunBefore,
            RoomAhead.Allocator allocator,
            Runnable alive)
            throws JournalException {
        Life known = journal.ofRing(device, ring, alive).orElse(null);
        Life life = known == null ? journal.begin(device, ring, now) : known;
        long next = 0;
        long position = 0;
        Seen seen = new Seen();
        if (known != null) {
            try (LifeReader before = new LifeReader(known.directory())) {
                while (before.next()) {
                    next = before.sequence() + 1;
                    position = before.ringPosition();
                    var _ = seen.fault(before.buffer(), before.offset(), before.length());
                    alive.run();
                }
            }
        }
        LifeWriter writer = new LifeWriter(life.directory(), next, TraceLayout.MAX_BATCH_BYTES, allocator);
        TraceRing memory = null;
        String fault = "";
        boolean removed = false;
        if ((position & READ_TO_ITS_END) != 0) {
            memfd.close();
        } else {
            try {
                memory = TraceRing.attach(memfd);
                // What is read is in the life before space is given back: of a head that has moved the life would tell.
                removed = begunBefore && next == 0 && memory.reader(0).violation() != null;
            } catch (TraceFormatException e) {
                fault = String.valueOf(e.getMessage());
                memfd.close();
            }
        }
        if (memory != null && removed) {
            memory.close();
            memory = null;
        }
        RingDrain drain = new RingDrain(
                ring, life, memory, EventFd.of(bell), writer, position, known == null ? 0 : known.bytes(), seen);
        drain.removed = removed;
        drain.endAppended = seen.ended;
        Violation violation = drain.reader == null ? null : drain.reader.violation();
        if (!life.severed().isEmpty()) {
            drain.severed = life.severed(); // by the recorder before: that is the reason, and it is written down
        } else if (!fault.isEmpty()) {
            drain.sever(fault);
        } else if (violation != null) {
            drain.sever("ring: " + violation);
        }
        return drain;
    }

    /**
     * Takes what is in the ring, {@code mostBytes} and a message at most, and appends it in as few batches as can be; how many bytes there were. What
     * the disk has no room for stays in the ring: {@link #lack}.
     *
     * @throws JournalException when the journal cannot be written
     */
    int drain(int mostBytes) throws JournalException {
        HardenedReader r = reader;
        int taken = 0;
        if (r == null) {
            return 0;
        }
        while (taken < mostBytes && severed.isEmpty() && hasRoom(r) && r.next()) {
            String fault = fault(r);
            if (!fault.isEmpty()) {
                r.done();
                append();
                sever(fault);
                break;
            }
            take(r);
            taken += r.length();
        }
        append();
        r.giveBack();
        Violation violation = r.violation();
        if (violation != null && severed.isEmpty()) {
            sever("ring: " + violation);
        }
        return taken;
    }

    /**
     * The process is gone, and the ring is read to its end: what was published of a message that was to grow on counts, unless it is no batch. Nothing is
     * given back, for nobody writes there any more: a recorder that comes after one that dies here finds the same, or {@link #READ_TO_ITS_END}.
     */
    void drainUnfinished() throws JournalException {
        HardenedReader r = reader;
        if (r != null && severed.isEmpty() && lackOfRoom().isEmpty() && r.nextUnfinished()) {
            if (fault(r).isEmpty()) {
                take(r);
                position |= READ_TO_ITS_END;
                append();
            } else {
                r.done();
            }
        }
    }

    /** Whether what comes next can be written; so it is where nothing comes. */
    private boolean hasRoom(HardenedReader r) {
        return !r.hasNext() || lackOfRoom().isEmpty();
    }

    /** Tries to have room on the disk for what comes next; why there is none, or an empty text. */
    String lackOfRoom() {
        lack = severed.isEmpty() ? writer.reserve() : "";
        return lack;
    }

    /** What {@link #lackOfRoom} said when it was last tried, here or while something was taken. */
    String lack() {
        return lack;
    }

    private void take(HardenedReader r) throws JournalException {
        if (!writer.hasRoom(r.length())) {
            append();
        }
        writer.gather(r.message(), 0, r.length());
        position = r.positionAfter();
        endAppended = seen.ended;
        r.done();
    }

    private void append() throws JournalException {
        writer.appendGathered(position);
    }

    /** What is wrong with the current batch; empty for one that can be kept. */
    private String fault(HardenedReader r) {
        if (r.type() != TraceRingLayout.BATCH) {
            return "a message of type " + r.type() + " in the trace ring";
        }
        return seen.fault(r.message(), 0, r.length());
    }

    /** What has come so far, of whichever recorder. */
    private static final class Seen {
        private final BatchReader records = new BatchReader();
        private final UnsafeBuffer batch = new UnsafeBuffer();
        private long lost;
        /** Of the last COMMIT. */
        private long transaction = -1;

        private boolean ended;
        /** Bytes of LIFE, in all its parts. */
        private int lifeBytes;
        /** Something else has come. */
        private boolean begun;

        /** Looks at a batch; what is wrong with it, or an empty text. One that is refused has not been seen. */
        String fault(DirectBuffer bytes, int offset, int length) {
            long lostBefore = lost;
            long transactionBefore = transaction;
            int lifeBytesBefore = lifeBytes;
            boolean begunBefore = begun;
            boolean endedBefore = ended;
            String fault = look(bytes, offset, length);
            if (!fault.isEmpty()) {
                lost = lostBefore;
                transaction = transactionBefore;
                lifeBytes = lifeBytesBefore;
                begun = begunBefore;
                ended = endedBefore;
            }
            return fault;
        }

        private String look(DirectBuffer bytes, int offset, int length) {
            if (ended) {
                return "a batch behind the end";
            }
            try {
                batch.wrap(bytes, offset, length);
                records.wrap(batch, 0, length);
                while (records.nextWhole()) {
                    if (ended) {
                        return "a record behind the end";
                    }
                    ended = records.type() == RecordType.END;
                    if (records.type() == RecordType.LIFE) {
                        lifeBytes += records.bytesLength();
                        if (begun || lifeBytes > TraceLayout.MAX_TOTAL_BYTES) {
                            return "another LIFE";
                        }
                    }
                    begun |= records.type() != RecordType.LIFE;
                    if (records.type() == RecordType.COMMIT) {
                        transaction = records.value();
                    } else if (records.type() == RecordType.GAP) {
                        lost = LifeScan.saturated(lost, records.value());
                    }
                }
                return "";
            } catch (TraceFormatException e) {
                return String.valueOf(e.getMessage());
            }
        }
    }

    /** Nothing more is read of this ring: the life ends with a reason. */
    private void sever(String why) throws JournalException {
        severed = why;
        if (!endAppended) {
            appendEnd();
        }
        life.note(Map.of(LifeNotes.SEVERED, why));
    }

    private void appendEnd() throws JournalException {
        UnsafeBuffer end = new UnsafeBuffer(new byte[TraceLayout.ONE_FIELD_LENGTH]);
        end.putInt(TraceLayout.RECORD_LENGTH, TraceLayout.ONE_FIELD_LENGTH, ByteOrder.LITTLE_ENDIAN);
        end.putByte(TraceLayout.RECORD_TYPE, (byte) RecordType.END.code());
        end.putLong(TraceLayout.ONE_FIELD, ProcessExit.PEER_VIOLATION.code(), ByteOrder.LITTLE_ENDIAN);
        HardenedReader r = reader;
        writer.gather(end, 0, end.capacity()); // there is room for it whenever there was some for what came before
        writer.appendGathered(r == null ? 0 : r.expectedPosition());
        endAppended = true;
    }

    /** The word that names the ring. */
    String ring() {
        return ring;
    }

    Life life() {
        return life;
    }

    /** Rung when there is something to read and the recorder sleeps. */
    EventFd bell() {
        return bell;
    }

    /** Whether the life, or what another recorder has read of the ring, has been removed from the journal: nobody can live again what comes. */
    boolean isRemoved() {
        return removed;
    }

    /** Looks whether it has been. */
    boolean lookForLife() {
        removed |= !Files.isDirectory(life.directory(), LinkOption.NOFOLLOW_LINKS);
        return removed;
    }

    /** Why the ring is read no more; empty while it is. */
    String severed() {
        return severed;
    }

    /** How many batches the device had no room for, as it says. */
    long lost() {
        return seen.lost;
    }

    /** How many batches there are in the life. */
    long batches() {
        return writer.nextSequence();
    }

    /** Length of the life, in bytes. */
    long bytes() {
        return writtenBefore + writer.writtenBytes();
    }

    /** The recorder is about to sleep; false when there is something to read. */
    boolean prepareToSleep() {
        Doorbell d = doorbell;
        HardenedReader r = reader;
        if (d == null || r == null || !severed.isEmpty()) {
            return true;
        }
        d.announceSleep();
        return !r.hasNext();
    }

    /** The recorder is about to sleep for a while, unless much comes. */
    void prepareToNap() {
        Doorbell d = doorbell;
        if (d != null && severed.isEmpty()) {
            d.announceNap();
        }
    }

    /** After the sleep; whether the bell was seen to ring. */
    void awake(boolean rung) {
        Doorbell d = doorbell;
        if (d != null && severed.isEmpty()) {
            if (rung) {
                d.awake();
            } else {
                d.cancelSleep();
            }
        }
    }

    /**
     * The life is over. A process that was drained wrote no END, for it might have had to go on, and what it did behind its last commit never came
     * here; that it was drained is kept beside the life when this has all that it committed.
     *
     * @param how its process ended
     * @param drained whether it had done all it was to do
     * @param left what the supervisor found in the state segment
     */
    void end(String how, boolean drained, Optional<FinalState> left) {
        if (!Files.exists(life.directory())) {
            close();
            return;
        }
        boolean whole = severed.isEmpty() && left.isPresent() && left.get().transaction() == seen.transaction;
        Map<String, String> notes = new LinkedHashMap<>();
        if (drained && whole) {
            notes.put(LifeNotes.DRAINED, "true");
        }
        if (whole) {
            notes.put(LifeNotes.STATE, left.get().toString());
        }
        notes.put(LifeNotes.ENDED, how);
        life.note(notes);
        close();
    }

    @Override
    public void close() {
        writer.close();
        if (memory != null) {
            memory.close();
        }
        bell.close();
    }
}
