package io.jvmm.supervisor.control;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The words of a request's field {@code do}, each with the further fields that belong to it. All of them are required. */
public enum ControlVerb {
    STATUS("status"),
    DEVICES("device-list"),
    STATE("device-state", ControlVerb.DEVICE, ""),
    LINKS("device-links"),
    STALLS("stalls"),
    RESTART("device-restart", ControlVerb.DEVICE, ""),
    KILL("device-kill", ControlVerb.DEVICE, ""),
    UPGRADE("device-upgrade", ControlVerb.DEVICE, ControlVerb.DIST),
    JOURNAL_START("journal-start", ControlVerb.DEVICE, ""),
    JOURNAL_STOP("journal-stop", ControlVerb.DEVICE, ""),
    JOURNAL_ROTATE("journal-rotate", ControlVerb.DEVICE, ""),
    JOURNAL_STATUS("journal-status"),
    EVENTS("events"),
    OBSERVE("observe"),
    METRICS("metrics"),
    TRACE("device-trace", ControlVerb.DEVICE, ControlVerb.EVERY),
    PAUSE("pause"),
    RESUME("resume"),
    POWER_BUTTON("power-button"),
    STOP("stop");

    /** Which verb it is. */
    public static final String DO = "do";
    /** Comes back in the reply. */
    public static final String ID = "id";

    public static final String DEVICE = "device";
    public static final String DIST = "dist";
    /** One request of so many. */
    public static final String EVERY = "every";

    private final String word;
    private final String first;
    private final String second;

    ControlVerb(String word) {
        this(word, "", "");
    }

    ControlVerb(String word, String first, String second) {
        this.word = word;
        this.first = first;
        this.second = second;
    }

    public String word() {
        return word;
    }

    public List<String> fields() {
        return Stream.of(first, second).filter(f -> !f.isEmpty()).toList();
    }

    static Optional<ControlVerb> of(String word) {
        return Arrays.stream(values()).filter(v -> v.word.equals(word)).findFirst();
    }

    static String words() {
        return Arrays.stream(values()).map(v -> "\"" + v.word + "\"").collect(Collectors.joining(", "));
    }
}
