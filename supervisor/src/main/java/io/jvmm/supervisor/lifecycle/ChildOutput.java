package io.jvmm.supervisor.lifecycle;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.BiPredicate;
import java.util.function.Consumer;

/**
 * What a process says: lines from its standard output and error, and log records. It is hostile text and there may be any
 * amount of it, so lines are cut, control characters made visible, and no more than a burst of lines is let through at once.
 * Event-loop thread only.
 */
final class ChildOutput {
    static final int LONGEST_LINE = 500;
    static final int BURST = 40;
    static final long NS_PER_LINE = 100_000_000L;
    private static final int CHUNK = 4096;
    /** A process that writes without end must not keep the loop from its other work. */
    static final int CHUNKS_AT_ONCE = 16;

    private String process;
    private final Consumer<String> sink;
    /** What is told in other words: the process, and its line; false for any other. */
    private final BiPredicate<String, String> elsewhere;

    private final MemorySegment chunk = Arena.ofAuto().allocate(CHUNK);
    private final ByteArrayOutputStream line = new ByteArrayOutputStream();
    private String lastWords = "";
    private final TokenBucket lines;
    private long dropped;
    private boolean holding = true;
    private final Deque<String> held = new ArrayDeque<>();

    ChildOutput(String process, long nowNs, Consumer<String> sink, BiPredicate<String, String> elsewhere) {
        this.elsewhere = elsewhere;
        this.process = process;
        this.lines = new TokenBucket(BURST, NS_PER_LINE, nowNs);
        this.sink = sink;
    }

    ChildOutput(String process, long nowNs, Consumer<String> sink) {
        this(process, nowNs, sink, (_, _) -> false);
    }

    /** From now on its lines are told under another name. */
    void rename(String name) {
        process = name;
    }

    /** Reads what is there; false at the end of the pipe. */
    boolean readFrom(Fd pipe, long nowNs) {
        for (int i = 0; i < CHUNKS_AT_ONCE; i++) {
            long count = FileIo.tryRead(pipe, chunk, 0, CHUNK);
            if (count <= 0) {
                boolean later = Errno.EAGAIN.is(count) || Errno.EINTR.is(count);
                if (!later) {
                    endLine(nowNs);
                }
                return later;
            }
            for (int at = 0; at < count; at++) {
                take(chunk.get(ValueLayout.JAVA_BYTE, at), nowNs);
            }
        }
        return true;
    }

    private void take(byte b, long nowNs) {
        if (b == '\n') {
            endLine(nowNs);
        } else if (line.size() < LONGEST_LINE) {
            line.write(b);
        }
    }

    private void endLine(long nowNs) {
        if (line.size() > 0) {
            String text = visible(line.toString(StandardCharsets.UTF_8));
            if (!elsewhere.test(process, text)) {
                say(text, nowNs);
            }
            line.reset();
        }
    }

    /** A line that came another way. */
    void say(String text, long nowNs) {
        String visible = visible(text);
        if (visible.isBlank()) {
            return;
        }
        lastWords = visible;
        if (!lines.take(nowNs)) {
            dropped++;
            return;
        }
        tellDropped();
        tell("[" + process + "] " + visible);
    }

    private void tell(String text) {
        if (holding) {
            held.add(text);
        } else {
            sink.accept(text);
        }
    }

    /**
     * Lets out what was said so far. Until the process is ready its lines are held back, because the last one may turn out to be
     * the reason why the machine does not start; that one is told once, with its place in the configuration.
     *
     * @param exceptLast whether the last line is told another way
     */
    void release(boolean exceptLast) {
        if (exceptLast) {
            held.pollLast();
        }
        holding = false;
        held.forEach(sink);
        held.clear();
    }

    /** Says how much was not said. */
    void tellDropped() {
        if (dropped > 0) {
            tell("[" + process + "] (" + dropped + " lines left out)");
            dropped = 0;
        }
    }

    /** The last line, told or not. */
    String lastWords() {
        return lastWords;
    }

    static String visible(String text) {
        StringBuilder s = new StringBuilder();
        for (int i = 0; i < text.length() && i < LONGEST_LINE; i++) {
            char c = text.charAt(i);
            if (c == '\t') {
                s.append("    ");
            } else if (c != '\r') {
                s.append(Character.isISOControl(c) ? '\uFFFD' : c);
            }
        }
        return s.toString().stripTrailing();
    }
}
