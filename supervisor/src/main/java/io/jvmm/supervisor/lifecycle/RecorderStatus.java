package io.jvmm.supervisor.lifecycle;

import io.jvmm.ipc.boot.BootFormatException;
import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.supervisor.journal.RecorderWords;
import io.jvmm.supervisor.launch.ProcessInstance;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/**
 * What the recorder says of itself.
 *
 * @param rings lines of those it reads
 * @param lives how many are kept
 * @param bytes that they take
 */
record RecorderStatus(List<Ring> rings, long lives, long bytes) {
    /**
     * One ring.
     *
     * @param batches that are in the journal
     * @param bytes of those
     * @param lost batches that had no room in the ring
     */
    record Ring(ProcessInstance device, int life, long batches, long bytes, long lost) {}

    /**
     * Reads what it said.
     *
     * @param open the rings that it may speak of
     * @throws BootFormatException when it makes no sense
     */
    static RecorderStatus of(BootRecord record, Collection<RecordedRings.Ring> open) {
        List<Ring> lines = new ArrayList<>();
        for (RecordedRings.Ring o : open) {
            String word = o.word();
            if (record.findText(word + RecorderWords.OF_LIFE).isPresent()) {
                lines.add(new Ring(
                        o.device(),
                        record.integer(word + RecorderWords.OF_LIFE),
                        record.longInteger(word + RecorderWords.OF_BATCHES),
                        record.longInteger(word + RecorderWords.OF_BYTES),
                        record.longInteger(word + RecorderWords.OF_LOST)));
            }
        }
        return new RecorderStatus(
                lines, record.longInteger(RecorderWords.LIVES), record.longInteger(RecorderWords.BYTES));
    }
}
