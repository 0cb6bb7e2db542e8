package io.jvmm.supervisor.journal;

import io.jvmm.ipc.trace.BatchReader;
import io.jvmm.ipc.trace.TraceFileWriter;
import io.jvmm.ipc.trace.TraceFormatException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
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
     * Writes the batches of a life up to the one with record {@code until}; that one goes up to the record before it, or to the end of the short form that this belongs to.
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
        Path beside = beside(file, whole);
        beside.toFile().deleteOnExit(); // where a signal ends this program
        try {
            LifeCut cut = write(source, beside, until);
            Files.move(beside, whole, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
            return cut;
        } catch (IOException e) {
            throw new IOException(file + " cannot be written: " + JournalException.reason(e), e);
        } finally {
            Files.deleteIfExists(beside);
        }
    }

    /** A file of its owner's alone; that it cannot be made is told of the one that is to be. */
    private static Path beside(Path file, Path whole) throws IOException {
        Path directory = whole.getParent();
        if (directory == null || !Files.isDirectory(directory)) {
            throw new IOException(file + " cannot be written: there is no directory " + directory);
        }
        try {
            return Files.createTempFile(directory, ".cut-", ".jtrace");
        } catch (AccessDeniedException e) {
            throw new IOException(file + " cannot be written: permission denied in " + directory, e);
        } catch (FileSystemException e) {
            String why = e.getReason();
            throw new IOException(
                    file + " cannot be written: " + (why == null ? "no file can be made in " + directory : why), e);
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
                while ((records < until || record.hasMore()) && record.next()) {
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
