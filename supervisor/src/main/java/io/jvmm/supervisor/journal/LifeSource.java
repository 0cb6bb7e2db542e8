package io.jvmm.supervisor.journal;

import io.jvmm.ipc.message.Visible;
import io.jvmm.ipc.trace.TraceFileReader;
import io.jvmm.ipc.trace.TraceFormatException;
import io.jvmm.ipc.trace.TraceSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * A life, wherever it is kept: in a journal directory, or as a flat file.
 *
 * @param title for people
 * @param device its process; empty of a flat file
 * @param life in a journal; empty of a flat file
 */
record LifeSource(String title, Optional<String> device, Optional<Life> life, Path place) {
    /** Batches that have to be closed. */
    interface Open extends TraceSource, AutoCloseable {
        /** Why there is nothing more; empty when it simply ends. */
        String fault();

        /** How many parts of it ended within a batch. */
        int tornParts();

        @Override
        void close() throws IOException;
    }

    /**
     * Those that are meant.
     *
     * @throws JournalException when there are none
     */
    static List<LifeSource> of(Path place, Optional<String> device, OptionalInt number) throws JournalException {
        if (Files.isRegularFile(place)) {
            return List.of(new LifeSource(Visible.of(place.toString()), Optional.empty(), Optional.empty(), place));
        }
        if (!Files.isDirectory(place)) {
            throw new JournalException((Files.exists(place)
                            ? place + " is neither a directory nor a regular file"
                            : "there is no " + place)
                    + ". Name the directory of [journal], or a .jtrace file.");
        }
        JournalDirectory journal = new JournalDirectory(place);
        List<Life> all = device.isPresent() ? journal.lives(device.get()) : journal.lives();
        List<LifeSource> found = all.stream()
                .filter(l -> number.isEmpty() || l.number() == number.getAsInt())
                .map(l -> new LifeSource(l.title(), Optional.of(l.device()), Optional.of(l), l.directory()))
                .toList();
        if (found.isEmpty()) {
            throw none(place, journal, device, number, all);
        }
        return found;
    }

    /** Says what there is instead. */
    private static JournalException none(
            Path place, JournalDirectory journal, Optional<String> device, OptionalInt number, List<Life> all)
            throws JournalException {
        List<String> devices =
                journal.lives().stream().map(Life::device).distinct().toList();
        if (devices.isEmpty()) {
            return new JournalException("there is no life in " + place + ": it holds none.");
        }
        String see = "; see: jvmm-journal list " + place;
        if (number.isPresent() && !all.isEmpty()) {
            int first = all.stream().mapToInt(Life::number).min().orElseThrow();
            int last = all.stream().mapToInt(Life::number).max().orElseThrow();
            return new JournalException("there is no life " + number.getAsInt()
                    + device.map(d -> " of " + d).orElse("") + " in " + place
                    + ": the lives there are have the numbers "
                    + first + " to " + last + see);
        }
        String asked = device.orElse("");
        Optional<String> near = devices.stream()
                .filter(d -> !asked.isEmpty() && (asked.startsWith(d) || d.startsWith(asked)))
                .findFirst();
        return new JournalException("there is no life of " + asked + " in " + place + ". "
                + near.map(d -> "Is " + d + " meant? ").orElse("") + "It has " + String.join(", ", devices) + see);
    }

    /**
     * The one that is meant; of several the last.
     *
     * @throws JournalArguments.Wrong when they are of several devices
     * @throws JournalException when there are none
     */
    static LifeSource one(Path place, Optional<String> device, OptionalInt number)
            throws JournalException, JournalArguments.Wrong {
        List<LifeSource> all = of(place, device, number);
        if (all.stream().map(LifeSource::device).distinct().count() > 1) {
            throw new JournalArguments.Wrong("which device? Give --device with one of "
                    + String.join(
                            ", ",
                            all.stream()
                                    .flatMap(l -> l.device().stream())
                                    .distinct()
                                    .toList())
                    + ".");
        }
        return all.stream()
                .max(Comparator.comparingInt(l -> l.life().map(Life::number).orElse(0)))
                .orElseThrow();
    }

    /** Opens it. */
    Open open() throws JournalException {
        if (life.isPresent()) {
            return ofJournal(new LifeReader(place));
        }
        try {
            return ofFile(new TraceFileReader(place));
        } catch (TraceFormatException | IOException e) {
            throw new JournalException(String.valueOf(e.getMessage()), e);
        }
    }

    private static Open ofJournal(LifeReader reader) {
        return new Open() {
            private final UnsafeBuffer batch = new UnsafeBuffer(new byte[0]);

            @Override
            public boolean nextBatch() throws TraceFormatException {
                try {
                    if (!reader.next()) {
                        return false;
                    }
                } catch (JournalException e) {
                    throw new TraceFormatException(String.valueOf(e.getMessage()));
                }
                batch.wrap(reader.buffer(), reader.offset(), reader.length());
                return true;
            }

            @Override
            public DirectBuffer batch() {
                return batch;
            }

            @Override
            public int lengthBytes() {
                return batch.capacity();
            }

            @Override
            public long sequence() {
                return reader.sequence();
            }

            @Override
            public boolean torn() {
                return !reader.fault().isEmpty();
            }

            @Override
            public String fault() {
                return reader.fault();
            }

            @Override
            public int tornParts() {
                return reader.tornParts();
            }

            @Override
            public void close() {
                reader.close();
            }
        };
    }

    private static Open ofFile(TraceFileReader reader) {
        return new Open() {
            @Override
            public boolean nextBatch() throws TraceFormatException, IOException {
                return reader.nextBatch();
            }

            @Override
            public DirectBuffer batch() {
                return reader.batch();
            }

            @Override
            public int lengthBytes() {
                return reader.lengthBytes();
            }

            @Override
            public long sequence() {
                return reader.sequence();
            }

            @Override
            public boolean torn() {
                return reader.torn();
            }

            @Override
            public String fault() {
                return reader.torn() ? "the last batch is not whole" : "";
            }

            @Override
            public int tornParts() {
                return reader.torn() ? 1 : 0;
            }

            @Override
            public void close() throws IOException {
                reader.close();
            }
        };
    }
}
