package io.jvmm.fuzz.sandbox;

import io.jvmm.ipc.sys.ExitStatus;
import java.util.ArrayDeque;
import java.util.Deque;

/** Device processes that wait for a device, so that nobody waits for their start. One thread. */
final class Spares implements AutoCloseable {
    private final String name;
    private final SandboxPrograms programs;
    private final int ahead;
    private final Deque<JailedDevice> waiting = new ArrayDeque<>();
    private long started;

    /** @param ahead so many are started before they are needed */
    Spares(String name, SandboxPrograms programs, int ahead) {
        this.name = name;
        this.programs = programs;
        this.ahead = ahead;
    }

    /** One that waits for the part of its record that makes it a device; the caller's from now on. */
    JailedDevice take(long boundNs) {
        JailedDevice next = waiting.isEmpty() ? start() : waiting.remove();
        while (waiting.size() < ahead) {
            waiting.add(start());
        }
        if (!next.awaitReady(false, boundNs)) {
            ExitStatus end = next.end();
            String words = next.lastWords();
            next.close();
            throw new SandboxFinding(
                    end == null
                            ? "a process that starts is silent"
                            : "a process that starts ends: " + Verdict.text(end),
                    words);
        }
        return next;
    }

    private JailedDevice start() {
        started++;
        return JailedDevice.start(name, programs);
    }

    /** How many processes there were. */
    long started() {
        return started;
    }

    @Override
    public void close() {
        waiting.forEach(JailedDevice::close);
        waiting.clear();
    }
}
