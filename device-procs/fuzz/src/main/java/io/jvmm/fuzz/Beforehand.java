package io.jvmm.fuzz;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.regex.Pattern;

/** What would only fail late, and is tried before anything runs. */
final class Beforehand {
    /** An entry of libFuzzer's dictionaries: a name that says nothing, and a string with the escapes \\, \" and \xHH. */
    private static final Pattern ENTRY =
            Pattern.compile("\\s*(?:[^\"#=]+=\\s*)?\"(?:[^\"\\\\]|\\\\\\\\|\\\\\"|\\\\x[0-9A-Fa-f]{2})+\"\\s*");

    private Beforehand() {}

    /**
     * Whether a finding could be kept in {@code directory}: it and what is missing above it is made, and taken away again.
     *
     * @throws IllegalArgumentException one line for the user
     */
    static void findings(Path directory) {
        Deque<Path> made = new ArrayDeque<>();
        try {
            for (Path p = directory.toAbsolutePath(); p != null && !Files.exists(p); p = p.getParent()) {
                made.addLast(p);
            }
            Files.createDirectories(directory);
            Files.delete(Files.createTempFile(directory, "try", ""));
        } catch (IOException e) {
            throw new IllegalArgumentException(
                    "--findings " + directory + ": no finding could be kept there (" + FuzzMain.reason(e) + ")", e);
        } finally {
            made.forEach(p -> p.toFile().delete());
        }
    }

    /**
     * Whether libFuzzer would take {@code file} for a dictionary.
     *
     * @throws IllegalArgumentException one line for the user
     */
    static void dictionary(Path file) {
        List<String> lines;
        try {
            lines = Files.readAllLines(file, StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            throw new IllegalArgumentException(
                    "--dictionary " + file + " cannot be read (" + FuzzMain.reason(e) + ")", e);
        }
        boolean any = false;
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i).strip();
            if (!line.isEmpty() && !line.startsWith("#")) {
                any = true;
                if (!ENTRY.matcher(line).matches()) {
                    throw new IllegalArgumentException("--dictionary " + file + ", line " + (i + 1)
                            + " is no entry of libFuzzer's: write \"\\x7FELF\" or name=\"\\x7FELF\", one a line");
                }
            }
        }
        if (!any) {
            throw new IllegalArgumentException("--dictionary " + file + " has no entry");
        }
    }
}
