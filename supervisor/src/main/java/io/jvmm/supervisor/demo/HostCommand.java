package io.jvmm.supervisor.demo;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A command of the host that has ended.
 *
 * @param status its exit status
 * @param said all that it wrote, to standard output and error
 */
record HostCommand(int status, String said) {
    private static final long PATIENCE_S = 300;

    /**
     * Runs one to its end.
     *
     * @throws IOException with one line that says what to do
     */
    static HostCommand run(Path directory, List<String> command) throws IOException {
        Path said = Files.createTempFile("jvmm-command-", ".txt");
        try {
            return run(directory, command, said);
        } finally {
            Files.delete(said);
        }
    }

    /** The same; a status other than 0 is an error. What it said. */
    static String check(Path directory, List<String> command) throws IOException {
        HostCommand done = run(directory, command);
        if (done.status != 0) {
            throw new IOException(String.join(" ", command) + ": " + done.lastLine());
        }
        return done.said;
    }

    /** What it says goes to a file: whoever read it from a pipe would wait for as long as the command likes. */
    private static HostCommand run(Path directory, List<String> command, Path said) throws IOException {
        Process process;
        try {
            ProcessBuilder builder = new ProcessBuilder(command).directory(directory.toFile());
            builder.redirectErrorStream(true)
                    .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")))
                    .redirectOutput(said.toFile());
            builder.environment().put("LC_ALL", "C");
            process = builder.start();
        } catch (IOException e) {
            throw new IOException(command.get(0) + " is not here: this needs Debian or a relative of it", e);
        }
        try {
            if (!process.waitFor(PATIENCE_S, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new IOException(String.join(" ", command) + " took longer than " + PATIENCE_S + " s");
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
        return new HostCommand(process.exitValue(), Files.readString(said, StandardCharsets.ISO_8859_1));
    }

    /** The line in which a command usually says what was wrong. */
    String lastLine() {
        return said.strip().lines().reduce("(it said nothing)", (a, b) -> b);
    }
}
