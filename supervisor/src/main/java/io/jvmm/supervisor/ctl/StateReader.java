package io.jvmm.supervisor.ctl;

import io.jvmm.supervisor.launch.DeviceProgram;
import io.jvmm.supervisor.upgrade.DistributionDirectory;
import io.jvmm.supervisor.upgrade.UnfitException;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * The device's own program as the reader of its states: only it knows what they look like, in its version and with this configuration.
 * It is started with {@code --inspect}, makes no device and reads what it is given: supervisor/CONTROL.md, "Inspection".
 *
 * <p>A distribution other than our own runs here with our rights, so it is believed only if nobody but root and we can have written it, as for an
 * upgrade.
 */
final class StateReader implements AutoCloseable {
    /** Far more fields than any state has. */
    private static final int MOST_FIELDS = 1 << 20;

    /** For one answer. */
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final Process program;
    private final BufferedReader said;
    private final BufferedWriter told;
    private final Duration patience;
    private final List<String> parts = new ArrayList<>();
    private String first = "";

    /**
     * A field of a state.
     *
     * @param raw an unsigned decimal number, or the hexadecimal digits of a sequence of bytes
     * @param text as its specification writes it
     */
    record Field(String raw, String text) {}

    private StateReader(Process program, Duration patience) {
        this.program = program;
        this.patience = patience;
        this.said = program.inputReader(StandardCharsets.UTF_8);
        this.told = program.outputWriter(StandardCharsets.UTF_8);
    }

    /** Starts the program of a class from a distribution, for devices with these entries. */
    static StateReader start(Path distribution, String deviceClass, Map<String, String> entries) throws CtlException {
        try {
            requireTrusted(distribution, deviceClass);
            return of(command(distribution, deviceClass), entries, PATIENCE);
        } catch (IOException e) {
            throw unreadable(distribution, String.valueOf(e.getMessage()), e);
        }
    }

    /** Starts a program that has so long for each answer. */
    static StateReader of(List<String> command, Map<String, String> entries, Duration patience)
            throws IOException, CtlException {
        StateReader reader = new StateReader(
                new ProcessBuilder(command)
                        .redirectError(ProcessBuilder.Redirect.INHERIT)
                        .start(),
                patience);
        try {
            reader.begin(entries);
            return reader;
        } finally {
            if (reader.first.isEmpty()) {
                reader.close();
            }
        }
    }

    private static CtlException unreadable(Path distribution, String why, Throwable cause) {
        return new CtlException(
                CtlExit.NO_ANSWER, "the program in " + distribution + " does not read its state: " + why + ".", cause);
    }

    private static void requireTrusted(Path distribution, String deviceClass) throws CtlException, IOException {
        if (!deviceClass.matches("[a-z]{1,16}")) {
            // It becomes part of a path, and who answers may be another user's supervisor.
            throw new CtlException(CtlExit.NO_ANSWER, "what answers there is no supervisor of jvmm's.");
        }
        if (Files.isSameFile(distribution, home())) {
            return;
        }
        try {
            DistributionDirectory.check(distribution, deviceClass);
        } catch (UnfitException e) {
            throw unreadable(distribution, String.valueOf(e.getMessage()), e);
        }
    }

    /** The distribution that this command is of; where it runs from classes, a directory that is none. */
    private static Path home() throws IOException {
        try {
            Path jar = Path.of(StateReader.class
                    .getProtectionDomain()
                    .getCodeSource()
                    .getLocation()
                    .toURI());
            Path home = jar.getParent();
            for (int i = 0; i < 2 && home != null; i++) {
                home = home.getParent();
            }
            return home == null ? jar : home;
        } catch (URISyntaxException e) {
            throw new IOException(e);
        }
    }

    private static List<String> command(Path distribution, String deviceClass) throws IOException {
        Path library = distribution.resolve("lib");
        List<String> command = new ArrayList<>(List.of(
                distribution.resolve("runtime/bin/java").toString(),
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Xmx128m"));
        command.addAll(DeviceProgram.read(library.resolve(deviceClass).resolve("program"))
                .command(library.toString()));
        command.add("--inspect");
        return command;
    }

    private void begin(Map<String, String> entries) throws IOException {
        within(() -> tell(entries));
    }

    /** Something that ends in time, with an answer or with the program's end. */
    private interface Answer {
        void take() throws IOException;
    }

    private void within(Answer answer) throws IOException {
        CompletableFuture<Boolean> answered = new CompletableFuture<>();
        var _ = answered.orTimeout(patience.toMillis(), TimeUnit.MILLISECONDS)
                .handle((done, timeout) -> timeout == null ? program : program.destroyForcibly());
        try {
            answer.take();
        } catch (IOException e) {
            // It is too late before the program is killed, whose end may be seen while it still is.
            throw answered.isDone() ? new IOException("it has not answered for " + patience.toSeconds() + " s", e) : e;
        } finally {
            answered.complete(true);
        }
    }

    private void tell(Map<String, String> entries) throws IOException {
        for (Map.Entry<String, String> entry : entries.entrySet()) {
            told.write(entry.getKey() + "=" + entry.getValue().replace('\n', ' ') + "\n");
        }
        told.write("\n");
        told.flush();
        List<String> words = words();
        if (!words.getFirst().equals("layout")) {
            throw new IOException(complaint(words));
        }
        first = words.getFirst();
    }

    private List<String> words() throws IOException {
        String line = said.readLine();
        if (line == null) {
            throw new IOException("it has ended, which an older one than \"device inspect\" does");
        }
        return List.of(line.split("\t", -1));
    }

    private static String complaint(List<String> words) {
        return words.size() == 2 && words.getFirst().equals("error") ? words.getLast() : String.join(" ", words);
    }

    /** How the paths of each device's fields begin, where the process serves several. Known after the first {@link #read}. */
    List<String> parts() {
        return parts;
    }

    /** The fields of a state, by their paths and in their order. */
    Map<String, Field> read(int version, String base64) throws CtlException {
        Map<String, Field> fields = new LinkedHashMap<>();
        try {
            within(() -> read(version + " " + base64 + "\n", fields));
            return fields;
        } catch (IOException | IndexOutOfBoundsException e) {
            throw new CtlException(
                    CtlExit.NO_ANSWER,
                    "the device's program does not read its state: " + e.getMessage()
                            + ". Has its distribution changed under the running machine?",
                    e);
        }
    }

    private void read(String line, Map<String, Field> fields) throws IOException {
        told.write(line);
        told.flush();
        for (int i = 0; i < MOST_FIELDS; i++) {
            List<String> words = words();
            switch (words.getFirst()) {
                case "part" -> parts.add(words.getLast());
                case "field" -> fields.put(words.get(1), new Field(words.get(2), words.get(3)));
                case "end" -> {
                    return;
                }
                default -> throw new IOException(complaint(words));
            }
        }
        throw new IOException("it finds no end");
    }

    @Override
    public void close() {
        program.destroyForcibly();
    }
}
