package io.jvmm.supervisor.journal;

import io.jvmm.ipc.trace.BatchReader;
import io.jvmm.ipc.trace.TraceFileWriter;
import io.jvmm.ipc.trace.TraceFormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * A life as a flat file.
 *
 * @param fault why there is not more of it; empty when the life simply ends, or enough was taken
 */
record LifeCut(long batches, long records, String fault) {
    /**
     * Writes the batches of a life up to the one with record {@code until}; that one goes up to the record before it.
     *
     * <p>The file is its owner's alone, for there is guest memory in it, and takes the place of one of its name when it is complete: it may be the one
     * that is read.
     *
     * @throws JournalException when the life cannot be read
     * @throws IOException when the file cannot be written
     */
    static LifeCut of(LifeSource source, Path file, long until) throws JournalException, IOException {
        if (Files.exists(file) && !Files.isRegularFile(file)) {
            throw new IOException(file + " is no regular file");
        }
        Path whole = file.toAbsolutePath();
        Path beside = Files.createTempFile(whole.getParent(), ".cut-", ".jtrace"); // its owner's alone
        try {
            LifeCut cut = write(source, beside, until);
            Files.move(beside, whole, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
            return cut;
        } finally {
            Files.deleteIfExists(beside);
        }
    }

    /** The same into a file that is there, is the caller's, and nobody else's. */
    static LifeCut write(LifeSource source, Path file, long until) throws JournalException, IOException {
        long batches = 0;
        long records = 0;
        BatchReader record = new BatchReader();
        try (LifeSource.Open life = source.open();
                TraceFileWriter writer = new TraceFileWriter(file)) {
            while (records < until && life.nextBatch()) {
                record.wrap(life.batch(), 0, life.lengthBytes());
                int length = 0;
                while (records < until && record.next()) {
                    records++;
                    length = record.recordOffset() + ((record.recordLength() + 7) & -8);
                }
                writer.append(life.batch(), 0, length);
                batches++;
            }
            return new LifeCut(batches, records, life.fault());
        } catch (TraceFormatException e) {
            return new LifeCut(batches, records, String.valueOf(e.getMessage()));
        }
    }
}
