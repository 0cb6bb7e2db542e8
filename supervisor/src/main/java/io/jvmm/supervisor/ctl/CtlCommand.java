package io.jvmm.supervisor.ctl;

import io.jvmm.supervisor.control.ControlVerb;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** What can be said to {@code jvmmctl}, with the words that come after the command's own. */
enum CtlCommand {
    LIST("list", "", null, "the machines of this user that run now"),
    STATUS("status", "", ControlVerb.STATUS, "name, phase, uptime, engine, processors"),
    DEVICE_LIST("device list", "", ControlVerb.DEVICES, "the device processes and how each of them is"),
    DEVICE_INSPECT(
            "device inspect",
            "NAME [PREFIX] [--watch [TIME]]",
            ControlVerb.STATE,
            "its state, field by field; or what changes"),
    DEVICE_LINKS("device links", "[NAME]", ControlVerb.LINKS, "its rings: how full they are, who sleeps"),
    DEVICE_RESTART("device restart", "NAME", ControlVerb.RESTART, "replace one by a fresh process; the guest works on"),
    DEVICE_KILL("device kill", "NAME", ControlVerb.KILL, "SIGKILL to one, to see that it is replaced"),
    DEVICE_UPGRADE(
            "device upgrade",
            "NAME --dist DIR",
            ControlVerb.UPGRADE,
            "replace one, or a class, by DIR's program, or go back"),
    DEVICE_TRACE(
            "device trace",
            "NAME --every N",
            ControlVerb.TRACE,
            "tell of one request of N, among the events; 0: of none"),
    EVENTS(
            "events",
            "[--follow] [--device NAME] [--level L]",
            ControlVerb.EVENTS,
            "what has happened; or what happens"),
    TOP("top", "[--once | --batch]", ControlVerb.OBSERVE, "the processes as a table that lives; q ends it"),
    METRICS("metrics", "", ControlVerb.METRICS, "everything that is counted, as OpenMetrics text"),
    STALLS("stalls", "", ControlVerb.STALLS, "how long the guest has waited for replaced devices"),
    JOURNAL_STATUS("journal status", "", ControlVerb.JOURNAL_STATUS, "what is recorded, and how much of it is kept"),
    JOURNAL_START("journal start", "NAME", ControlVerb.JOURNAL_START, "record a device from now on"),
    JOURNAL_STOP("journal stop", "NAME", ControlVerb.JOURNAL_STOP, "record it no more"),
    JOURNAL_ROTATE("journal rotate", "NAME", ControlVerb.JOURNAL_ROTATE, "end its life in the journal; begin the next"),
    PAUSE("pause", "", ControlVerb.PAUSE, "stop the guest's processors"),
    RESUME("resume", "", ControlVerb.RESUME, "let them run on"),
    POWER_BUTTON("power-button", "", ControlVerb.POWER_BUTTON, "press the power button"),
    STOP("stop", "", ControlVerb.STOP, "end the machine without asking the guest");

    private final String words;
    private final String operands;
    private final Optional<ControlVerb> verb;
    private final String meaning;

    CtlCommand(String words, String operands, @org.jspecify.annotations.Nullable ControlVerb verb, String meaning) {
        this.words = words;
        this.operands = operands;
        this.verb = Optional.ofNullable(verb);
        this.meaning = meaning;
    }

    String words() {
        return words;
    }

    String synopsis() {
        return operands.isEmpty() ? words : words + " " + operands;
    }

    /** What it is on the wire; empty for the one that asks no machine. */
    Optional<ControlVerb> verb() {
        return verb;
    }

    String meaning() {
        return meaning;
    }

    boolean takesDevice() {
        return operands.startsWith("NAME");
    }

    /** Options that only this one has. */
    List<String> more() {
        return switch (this) {
            case DEVICE_TRACE -> List.of("--every");
            case EVENTS -> List.of("--follow", "--device", "--level");
            case TOP -> List.of("--once", "--batch");
            default -> List.of();
        };
    }

    /** How many words may follow. */
    int mostOperands() {
        return this == EVENTS
                ? 0
                : (int) Arrays.stream(operands.split(" ", -1))
                        .filter(word -> word.matches("\\[?(NAME|PREFIX)]?"))
                        .count();
    }

    boolean takesDist() {
        return this == DEVICE_UPGRADE;
    }

    boolean takesWatch() {
        return this == DEVICE_INSPECT;
    }

    /** The second words of the commands that begin with {@code first}, for people; empty where none has two. */
    static Optional<String> beginning(String first) {
        List<String> all = Arrays.stream(values())
                .filter(c -> c.words.startsWith(first + " "))
                .map(c -> c.words.substring(first.length() + 1))
                .toList();
        return all.isEmpty() ? Optional.empty() : Optional.of(String.join(", ", all));
    }

    /** The command that the first words are. */
    static Optional<CtlCommand> of(List<String> words) {
        String all = String.join(" ", words) + " ";
        return Arrays.stream(values())
                .filter(c -> all.startsWith(c.words + " "))
                .findFirst();
    }
}
