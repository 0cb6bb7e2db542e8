package io.jvmm.device.api;

import io.jvmm.ipc.state.StatePrinter;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * A device's program as the one that can read its states: {@code --inspect}. What a state looks like depends on the device's version and
 * on its configuration, and nobody but the program itself knows how; so whoever has a state, an inspector or a journal, asks it. No
 * device is made. supervisor/CONTROL.md, "Inspection", is the contract; on standard input come
 *
 * <pre>
 *   KEY=VALUE         the device's entries, a line each
 *                     an empty line
 *   VERSION BASE64    a state, and any number of further ones
 * </pre>
 *
 * and on standard output go, with tabulators between the words,
 *
 * <pre>
 *   layout NAME VERSION LENGTH
 *   part PREFIX       for each device of its own among what the process serves
 *                     then for each state, as it comes:
 *   field PATH RAW TEXT
 *   end
 *   error MESSAGE     instead of all that, or of a state
 * </pre>
 *
 * <p>Hostile: the states. They are only looked at.
 */
final class StateProgram {
    private final DeviceFactory factory;
    private final PrintStream out;

    private StateProgram(DeviceFactory factory, PrintStream out) {
        this.factory = factory;
        this.out = out;
    }

    static void run(DeviceFactory factory, BufferedReader in, PrintStream out) throws IOException {
        new StateProgram(factory, out).run(in);
        out.flush();
    }

    private void run(BufferedReader in) throws IOException {
        Map<String, String> entries = new HashMap<>();
        for (String line = in.readLine(); line != null && !line.isEmpty(); line = in.readLine()) {
            int equals = line.indexOf('=');
            if (equals > 0) {
                entries.put(line.substring(0, equals), line.substring(equals + 1));
            }
        }
        DeviceConfig config = key -> Optional.ofNullable(entries.get(key));
        DeviceIdentity identity;
        List<String> parts = new ArrayList<>();
        try {
            identity = factory.identity(config);
            parts.addAll(factory.stateParts(config));
        } catch (IllegalArgumentException e) {
            say("error", String.valueOf(e.getMessage()));
            return;
        }
        say(
                "layout",
                identity.name(),
                Integer.toString(identity.stateVersion()),
                Integer.toString(identity.stateLengthBytes()));
        parts.forEach(part -> say("part", part));
        out.flush();
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            tell(identity, line);
            out.flush();
        }
    }

    private void tell(DeviceIdentity identity, String line) {
        int space = line.indexOf(' ');
        String version = space < 0 ? "" : line.substring(0, space);
        if (!version.equals(Integer.toString(identity.stateVersion()))) {
            say("error", "a state of version " + version + "; this program's is " + identity.stateVersion());
            return;
        }
        byte[] state;
        try {
            state = Base64.getDecoder().decode(line.substring(space + 1));
        } catch (IllegalArgumentException e) {
            say("error", "what follows the version is not in base 64: " + e.getMessage());
            return;
        }
        if (state.length != identity.stateLengthBytes()) {
            say(
                    "error",
                    "a state of " + state.length + " bytes; with these entries it has " + identity.stateLengthBytes());
            return;
        }
        StatePrinter.visit(
                identity.stateLayout(),
                factory.stateFormats(),
                new UnsafeBuffer(state),
                (path, raw, text) -> say("field", path, raw, text));
        say("end");
    }

    private void say(String... words) {
        out.print(String.join("\t", words) + "\n");
    }
}
