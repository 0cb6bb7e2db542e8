package io.jvmm.fuzz.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.fuzz.Targets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Jazzer reads the class files of this JDK, is guided by them, and keeps what it learns. */
class JazzerRunTest {

    @TempDir
    Path directory;

    @Test
    void itFuzzesAndNothingIsFound() throws Exception {
        Targets target = Targets.RING;
        List<String> said = new ArrayList<>();
        Path corpus = directory.resolve("corpus");
        int code = new Campaign(
                        new Campaign.Plan(
                                target.word(),
                                target.instrumented(),
                                target.trace(),
                                target.longestInput(),
                                corpus,
                                null,
                                directory.resolve("findings"),
                                60,
                                30_000,
                                1,
                                1,
                                1,
                                true),
                        target.make(),
                        said::add)
                .run();
        assertEquals(0, code, () -> String.join("\n", said));
        try (Stream<Path> kept = Files.list(corpus)) {
            assertTrue(kept.count() > 2L * target.make().seeds().size(), "it has learned something: " + said);
        }
    }
}
