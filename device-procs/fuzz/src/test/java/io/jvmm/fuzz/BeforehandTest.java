package io.jvmm.fuzz;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BeforehandTest {
    @TempDir
    Path directory;

    @Test
    void aDirectoryForFindingsIsTriedAndNotLeftBehind() throws IOException {
        Beforehand.findings(directory.resolve("a/b"));
        assertFalse(Files.exists(directory.resolve("a")));
        Path there = Files.createDirectory(directory.resolve("there"));
        Beforehand.findings(there);
        try (var left = Files.list(there)) {
            assertEquals(0, left.count());
        }
    }

    @Test
    void noDirectoryCanBeMadeThere() throws IOException {
        Path file = Files.createFile(directory.resolve("file"));
        for (Path wrong : new Path[] {Path.of("/proc/findings"), file, file.resolve("below")}) {
            assertWrong(() -> Beforehand.findings(wrong), wrong.toString());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"\"a\"", "magic=\"\\x7FELF\"", "# nothing\n\nw=\"\\\\ \\\" #\"", "  kw1 = \"a\"  "})
    void entriesOfLibFuzzersDictionaries(String text) throws IOException {
        Beforehand.dictionary(Files.writeString(directory.resolve("d"), text));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "# only this\n", "a", "\"a", "\"\"", "x=a", "\"\\q\"", "\"\\x7\""})
    void whatLibFuzzerWouldRefuse(String text) throws IOException {
        Path file = Files.writeString(directory.resolve("d"), text);
        assertWrong(() -> Beforehand.dictionary(file), file.toString());
    }

    @Test
    void aDictionaryThatIsMissing() {
        assertWrong(() -> Beforehand.dictionary(directory.resolve("none")), "none");
    }

    private static void assertWrong(Executable what, String named) {
        String message = String.valueOf(
                assertThrows(IllegalArgumentException.class, what).getMessage());
        assertTrue(message.contains(named), message);
        assertFalse(message.contains("\n"), message);
    }
}
