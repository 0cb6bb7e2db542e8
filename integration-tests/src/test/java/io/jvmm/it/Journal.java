package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What the programs of the distribution make of a journal. */
final class Journal {
    private static final Pattern VERIFIED = Pattern.compile("([\\w-]+), life (\\d+): whole: .*");
    private static final Pattern LEFT = Pattern.compile(".*, final state crc32c:([0-9a-f]{8}) behind ([0-9]+)");
    private static final Pattern REPLAYED =
            Pattern.compile("last transaction ([0-9]+)\\nstate +crc32c:([0-9a-f]+) behind it\\n", Pattern.MULTILINE);

    private Journal() {}

    /** What a program said, and how it ended. */
    record Said(int status, String text) {}

    /** Runs one. */
    static Said program(String... words) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(words));
        Path program = Distribution.home().resolve("bin").resolve(words[0]);
        assertTrue(Files.isExecutable(program), program::toString);
        command.set(0, program.toString());
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        process.getOutputStream().close();
        String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Said(process.waitFor(), text);
    }

    /**
     * Each life is whole and is lived again, two at a time, to the state that the supervisor found in the state segment when its process was dead: the
     * hash and the number of the last transaction. Only of a process that was killed between telling of a transaction and committing it there may be no
     * such state.
     *
     * @return how many lives each device has
     */
    static Map<String, Integer> assertLivedAgain(Path journal) throws Exception {
        Said verified = program("jvmm-journal", "verify", journal.toString());
        assertEquals(0, verified.status(), verified.text());
        Map<String, Integer> lives = new TreeMap<>();
        Map<String, Future<Said>> replays = new TreeMap<>();
        try (ExecutorService two = Executors.newFixedThreadPool(2)) {
            for (String line : verified.text().lines().toList()) {
                Matcher m = VERIFIED.matcher(line);
                assertTrue(m.matches() && !line.contains("a gap"), line);
                assertTrue(LEFT.matcher(line).matches() || !line.matches(".*, (ended with .*|drained)"), line);
                lives.merge(m.group(1), 1, Integer::sum);
                String[] words = {
                    "jvmm-replay", "--journal", journal.toString(), "--device", m.group(1), "--life", m.group(2)
                };
                replays.put(line, two.submit(() -> program(words)));
            }
        }
        List<String> differ = new ArrayList<>();
        for (Map.Entry<String, Future<Said>> replay : replays.entrySet()) {
            Said said = replay.getValue().get();
            System.out.println(replay.getKey() + "\n" + said.text());
            if (said.status() != 0 || !said.text().contains("\nsame; ") || !sameState(replay.getKey(), said.text())) {
                differ.add(replay.getKey() + ": " + said.text());
            }
        }
        assertEquals(List.of(), differ);
        return lives;
    }

    private static boolean sameState(String verified, String replayed) {
        Matcher left = LEFT.matcher(verified);
        Matcher again = REPLAYED.matcher(replayed);
        return !left.matches()
                || (again.find()
                        && left.group(2).equals(again.group(1))
                        && Integer.parseUnsignedInt(left.group(1), 16) == Integer.parseUnsignedInt(again.group(2), 16));
    }
}
