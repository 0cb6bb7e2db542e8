package io.jvmm.supervisor.journal;

import io.jvmm.ipc.message.Visible;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.zip.CRC32C;

/**
 * The text about a life: a file of lines {@code key = value}. What is added at once ends with a line {@code sum}, the CRC-32C of all the bytes before
 * that line; a text of an older version has none. Nothing that the batches tell depends on it. <b>Hostile:</b> the file.
 */
final class LifeNotes {
    static final String DEVICE = "device";
    static final String LIFE = "life";
    static final String RING = "ring";
    static final String BEGAN = "began";
    static final String SEVERED = "severed";
    static final String ENDED = "ended";
    static final String STATE = "state";
    static final String DRAINED = "drained";

    /** Its name in the directory of the life. */
    static final String FILE = "life";

    private static final String SUM = "sum";
    private static final Set<String> KEYS = Set.of(DEVICE, LIFE, RING, BEGAN, SEVERED, ENDED, STATE, DRAINED, SUM);
    private static final String EQUALS = " = ";
    private static final int MOST_BYTES = 16 * 1024;
    /** Of a value, characters: thousands of lives are held at once, and anybody may have written them. */
    private static final int MOST_VALUE = 200;

    private LifeNotes() {}

    /** Writes the first of it. */
    static void begin(Path life, Map<String, String> notes) throws IOException {
        Files.writeString(
                life.resolve(FILE), block("", notes), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    }

    /** Adds to it; a value has one line. */
    static void add(Path life, Map<String, String> notes) throws IOException {
        Path file = life.resolve(FILE);
        Files.writeString(file, block(text(file), notes), StandardOpenOption.APPEND);
    }

    private static String block(String before, Map<String, String> notes) {
        StringBuilder block = new StringBuilder();
        notes.forEach((key, value) -> block.append(key)
                .append(EQUALS)
                .append(value.lines().findFirst().orElse(""))
                .append('\n'));
        return block + SUM + EQUALS + sum(before + block) + "\n";
    }

    private static String sum(String text) {
        CRC32C crc = new CRC32C();
        crc.update(text.getBytes(StandardCharsets.UTF_8));
        return String.format(Locale.ROOT, "crc32c:%08x", crc.getValue());
    }

    /**
     * Reads it. What can be read of one that is damaged is given all the same.
     *
     * @param into is given what it says
     * @return what is wrong with it; empty when all is well, and where there is none
     */
    static String read(Path life, Map<String, String> into) {
        Path file = life.resolve(FILE);
        String text;
        try {
            text = text(file);
        } catch (IOException | UncheckedIOException e) {
            return Files.exists(file, LinkOption.NOFOLLOW_LINKS) ? "its text, \"life\", cannot be read" : "";
        }
        boolean right = true;
        boolean summed = false;
        boolean known = true;
        boolean last = true;
        int at = 0;
        for (String line : List.of(text.split("(?<=\n)"))) {
            int equals = line.indexOf(EQUALS);
            String key = equals > 0 ? line.substring(0, equals) : "";
            String value = equals > 0 ? line.substring(equals + EQUALS.length()).stripTrailing() : "";
            last = key.equals(SUM);
            right &= !last || line.equals(SUM + EQUALS + sum(text.substring(0, at)) + "\n");
            summed |= last;
            known &= KEYS.contains(key);
            if (equals > 0 && !last) {
                into.put(key, Visible.of(value.substring(0, Math.min(MOST_VALUE, value.length()))));
            }
            at += line.length();
        }
        boolean whole = summed ? right && last : (known && text.endsWith("\n")) || text.isEmpty();
        return whole ? "" : "its text, \"life\", is not as it was written";
    }

    private static String text(Path file) throws IOException {
        try (InputStream in = Channels.newInputStream(JournalDirectory.openToRead(file))) {
            byte[] bytes = in.readNBytes(MOST_BYTES + 1);
            if (bytes.length > MOST_BYTES) {
                throw new IOException(file + " has more than " + MOST_BYTES + " bytes");
            }
            return new String(bytes, StandardCharsets.UTF_8);
        }
    }
}
