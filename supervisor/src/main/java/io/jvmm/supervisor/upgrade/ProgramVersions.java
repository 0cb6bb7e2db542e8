package io.jvmm.supervisor.upgrade;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Pattern;

/**
 * What a distribution says of one of its programs, in the file {@code lib/PROCESS/versions} that the build writes from the program's
 * own words:
 *
 * <pre>
 *   protocol=1.0
 *   state=1
 *   program=0.1.0
 * </pre>
 *
 * Unknown keys are a later distribution's and mean nothing to us.
 *
 * @param protocolMajor of the wire protocol; two processes of one machine have the same
 * @param protocolMinor of the wire protocol
 * @param state of the layout of the device's state
 * @param program of the program itself, for people; an empty text where it does not say it
 */
public record ProgramVersions(int protocolMajor, int protocolMinor, int state, String program) {
    private static final int LONGEST_FILE = 4096;
    private static final Pattern PROGRAM = Pattern.compile("[0-9A-Za-z.+-]{1,40}");

    /** Reads a file. */
    public static ProgramVersions read(Path file) throws UnfitException {
        try (InputStream in = Files.newInputStream(file)) {
            byte[] bytes = in.readNBytes(LONGEST_FILE + 1);
            if (bytes.length > LONGEST_FILE) {
                throw new UnfitException(file + " is longer than what it should say. Build the distribution anew.");
            }
            return parse(new String(bytes, StandardCharsets.UTF_8), file.toString());
        } catch (NoSuchFileException e) {
            throw new UnfitException(
                    "there is no " + file + ": the distribution lacks the program, or is older than live upgrades.", e);
        } catch (IOException e) {
            throw new UnfitException(file + " cannot be read: " + e.getMessage() + ".", e);
        }
    }

    static ProgramVersions parse(String text, String file) throws UnfitException {
        Map<String, String> entries = new LinkedHashMap<>();
        for (String line : text.split("\n", -1)) {
            int equals = line.indexOf('=');
            if (!line.isBlank()
                    && (equals < 1 || entries.put(line.substring(0, equals), line.substring(equals + 1)) != null)) {
                throw new UnfitException(file + " is not what a build writes. Build the distribution anew.");
            }
        }
        String[] protocol = entries.getOrDefault("protocol", "").split("\\.", -1);
        OptionalInt major = number(protocol[0]);
        OptionalInt minor = protocol.length == 2 ? number(protocol[1]) : OptionalInt.empty();
        OptionalInt state = number(Optional.ofNullable(entries.get("state")).orElse(""));
        if (major.isEmpty() || minor.isEmpty() || state.isEmpty() || state.getAsInt() == 0) {
            throw new UnfitException(
                    file + " does not say protocol=MAJOR.MINOR and state=NUMBER. Build the distribution anew.");
        }
        String program = entries.getOrDefault("program", "");
        return new ProgramVersions(
                major.getAsInt(),
                minor.getAsInt(),
                state.getAsInt(),
                PROGRAM.matcher(program).matches() ? program : "");
    }

    private static OptionalInt number(String digits) {
        return digits.matches("[0-9]{1,9}") ? OptionalInt.of(Integer.parseInt(digits)) : OptionalInt.empty();
    }
}
