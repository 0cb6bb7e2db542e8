package io.jvmm.supervisor.config;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

/** Names that an image or a configuration gives, on a terminal. */
class QuotedTest {
    @Test
    void whatIsNotSeenIsSpelt() {
        assertEquals("\"a\\\"b\\\\ é\"", Quoted.of("a\"b\\ é"));
        assertEquals("\"\\u001B[2J\\u202E\\u2028\"", Quoted.of("\u001b[2J\u202e\u2028"));
        // Tags (U+E0000..), which no terminal shows, and a sign beyond the first 65536 that all do.
        assertEquals("\"\\U000E0041\ud83d\ude00\"", Quoted.of("\udb40\udc41\ud83d\ude00"));
    }

    @Test
    void aLongTextIsCutBetweenItsSigns() {
        String sixty = "\ud83d\ude00".repeat(60);
        assertEquals("\"" + sixty + "\"", Quoted.of(sixty));
        assertEquals("\"" + sixty + "…\"", Quoted.of(sixty + "\ud83d\ude00"));
    }
}
