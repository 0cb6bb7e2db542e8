package io.jvmm.supervisor.lifecycle;

import java.util.regex.Pattern;

/**
 * The Java runtime's complaints of class archives that do not fit, one or two lines from each process that starts: the user is told of
 * them once in a machine's life, with the cure, and those who want details get the lines. Event-loop thread only.
 */
final class ArchiveTrouble {
    /** As unified logging writes it to standard output: uptime, level, tags. */
    private static final Pattern LINE = Pattern.compile("\\[[0-9.]+s]\\[(?:warning|error) *]\\[(?:cds|aot)\\b[^]]*].*");

    private final Console console;
    private boolean told;

    ArchiveTrouble(Console console) {
        this.console = console;
    }

    /** Takes such a line of a process; false for any other. */
    boolean takes(String process, String line) {
        if (!LINE.matcher(line).matches()) {
            return false;
        }
        console.detail("[" + process + "] " + line);
        if (!told) {
            told = true;
            console.say(
                    "jvmm: process " + process
                            + " starts without its class archive, which does not fit its runtime or jars:"
                            + " starts and restarts take longer. Build the distribution anew, or copy it with its files' times: cp -a");
        }
        return true;
    }
}
