package io.jvmm.supervisor.journal;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A life as a flat file that a device's program reads.
 *
 * @param cut what of it is in the file
 * @param nameless the file, if it is for this replay alone
 */
record PlayedLife(LifeSource source, Path file, LifeCut cut, Optional<NamelessFile> nameless) implements AutoCloseable {
    /** A flat file as it is. */
    static PlayedLife flat(LifeSource source) {
        return new PlayedLife(source, source.place(), new LifeCut(0, 1, ""), Optional.empty());
    }

    /** A life of a journal, in a file in {@code directory} that has no name. */
    static PlayedLife cut(LifeSource source, Path directory) throws JournalException, IOException {
        NamelessFile file = NamelessFile.in(directory);
        try {
            return new PlayedLife(
                    source, file.path(), LifeCut.write(source, file.path(), Long.MAX_VALUE), Optional.of(file));
        } catch (JournalException | IOException | RuntimeException e) {
            file.close();
            throw e;
        }
    }

    /** A life of a journal, in a file that stays. */
    static PlayedLife kept(LifeSource source, Path file) throws JournalException, IOException {
        return new PlayedLife(source, file, LifeCut.of(source, file, Long.MAX_VALUE), Optional.empty());
    }

    /** What is damaged of it, or of the text about it; empty when all is well. */
    String fault() {
        String about = source.life().map(Life::fault).orElse("");
        String lost = cut.records() > 0
                ? ""
                : source.life()
                        .flatMap(Life::state)
                        .map(s -> "its process came to transaction " + s.transaction())
                        .orElse("");
        return Stream.of(cut.fault(), about, lost).filter(t -> !t.isEmpty()).collect(Collectors.joining("; "));
    }

    /** How the device's program is told: the file, its name for people, what its process has left, if anybody saw it, and how it ended. */
    List<String> options() {
        List<String> options = new ArrayList<>(List.of("--replay", file.toString(), "--as", source.title()));
        source.life().flatMap(Life::state).ifPresent(state -> options.addAll(List.of("--left", state.toString())));
        source.life()
                .ifPresent(life ->
                        options.addAll(List.of(life.severed().isEmpty() ? "--ended" : "--severed", life.end())));
        return options;
    }

    @Override
    public void close() {
        nameless.ifPresent(NamelessFile::close);
    }
}
