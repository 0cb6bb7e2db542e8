package io.jvmm.supervisor.cli;

import io.jvmm.supervisor.demo.LinuxGuest;
import io.jvmm.supervisor.lifecycle.Console;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;

/** What {@code --exec} ends with: the guest's command's exit status, or the guest's last words when it left none. */
final class ExecResult {
    private static final int LAST_WORDS = 12;

    /** What follows it in the console's text is a register dump. */
    private static final String PANIC = "Kernel panic";

    private final LinuxGuest guest;
    private final Console console;

    ExecResult(LinuxGuest guest, Console console) {
        this.guest = guest;
        this.console = console;
    }

    /**
     * The exit status.
     *
     * @param code how the machine ended
     */
    int statusAfter(ExitCode code) {
        if (code == ExitCode.GUEST_CRASHED) {
            lastWords();
        }
        if (code != ExitCode.DONE) {
            return code.status();
        }
        try {
            OptionalInt status = guest.exitStatus();
            if (status.isPresent()) {
                return status.getAsInt();
            }
        } catch (IOException e) {
            console.say("jvmm: the command's exit status cannot be read: " + e.getMessage());
        }
        console.say("jvmm: the guest ended before the command did.");
        lastWords();
        return ExitCode.GUEST_CRASHED.status();
    }

    private void lastWords() {
        if (guest.console().isEmpty()) {
            return;
        }
        List<String> lines = text(guest.console().get()).lines().toList();
        int panic = Math.max(0, lines.size() - LAST_WORDS);
        for (int i = 0; i < lines.size(); i++) {
            if (lines.get(i).contains(PANIC)) {
                panic = i;
            }
        }
        lines.subList(panic, Math.min(lines.size(), panic + LAST_WORDS))
                .forEach(line -> console.say("  | " + line.stripTrailing()));
    }

    /** A guest writes what it likes: control characters are not passed on. */
    private static String text(Path file) {
        try {
            return new String(Files.readAllBytes(file), StandardCharsets.UTF_8)
                    .replaceAll("[\\p{Cntrl}&&[^\\n\\t]]", "");
        } catch (IOException e) {
            return "(no console text: " + e.getMessage() + ")";
        }
    }
}
