package io.jvmm.supervisor.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Optional;
import org.junit.jupiter.api.Test;

class WordsTest {
    private static Optional<String> fault(String... args) {
        return Words.fault("command", args, 1, 2);
    }

    @Test
    void helpGoesBeforeAllElse() {
        assertTrue(Words.askForHelp(new String[] {"--help"}));
        assertTrue(Words.askForHelp(new String[] {"directory", "-h"}));
        assertFalse(Words.askForHelp(new String[] {"help"}));
    }

    @Test
    void soManyWords() {
        assertEquals(Optional.empty(), fault("a"));
        assertEquals(Optional.empty(), fault("a", "b"));
        assertTrue(fault().orElseThrow().contains("--help"));
        assertTrue(fault("a", "b", "c").orElseThrow().contains("too much"));
    }

    /** An option is never taken for a name: no directory is called {@code --force}. */
    @Test
    void optionsAreRefused() {
        assertTrue(fault("--force").orElseThrow().startsWith("\"--force\" is no option of command"));
        assertTrue(fault("a", "-x").orElseThrow().contains("./-x"));
    }
}
