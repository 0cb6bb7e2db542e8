package io.jvmm.it;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The {@code jvmmctl} of the distribution, as a user's command, at one control socket. */
record Ctl(Path socket) {
    /** What it said on either stream, and how it ended. */
    record Said(int status, String text) {
        /** The number behind a name in a reply in JSON. */
        long number(String name) {
            Matcher m = Pattern.compile("\"" + name + "\":(\\d+)").matcher(text);
            if (!m.find()) {
                throw new AssertionError("no " + name + " in " + text);
            }
            return Long.parseLong(m.group(1));
        }
    }

    Said run(String... words) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(
                List.of(Distribution.home().resolve("bin/jvmmctl").toString()));
        command.addAll(List.of("--socket", socket.toString()));
        command.addAll(List.of(words));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        process.getOutputStream().close();
        String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Said(process.waitFor(), text);
    }

    /** One that must be done. */
    Said done(String... words) throws IOException, InterruptedException {
        Said said = run(words);
        if (said.status() != 0) {
            throw new AssertionError(List.of(words) + " ended with " + said.status() + ": " + said.text());
        }
        return said;
    }

    /** One that the machine must refuse; what it says. */
    String refused(String... words) throws IOException, InterruptedException {
        Said said = run(words);
        if (said.status() != 1) {
            throw new AssertionError(List.of(words) + " ended with " + said.status() + ": " + said.text());
        }
        return said.text();
    }

    boolean isThere() {
        return Files.exists(socket);
    }
}
