package io.jvmm.supervisor.terminal;

import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/**
 * Standard output of a program whose answer it is: what Java's own keeps to itself, that something could not be written, is told in the end. Somebody
 * who has had enough, as {@code head} does, is no failure. One thread.
 */
public final class StandardOutput {
    /** Of EPIPE, as the C library has it in the C locale, in which our programs run. */
    private static final String ENOUGH = "Broken pipe";

    private final Watched watched;
    private final PrintStream stream;

    /** The process's own. */
    public StandardOutput() {
        this(new FileOutputStream(FileDescriptor.out));
    }

    /** @param to where it is written to */
    StandardOutput(OutputStream to) {
        watched = new Watched(to);
        stream = new PrintStream(new BufferedOutputStream(watched, 8192), false, StandardCharsets.UTF_8);
    }

    /** Remembers what went wrong first. */
    private static final class Watched extends OutputStream {
        private final OutputStream to;
        private String failure = "";

        Watched(OutputStream to) {
            this.to = to;
        }

        @Override
        public void write(int one) throws IOException {
            write(new byte[] {(byte) one}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            try {
                to.write(bytes, offset, length);
            } catch (IOException e) {
                failure = failure.isEmpty() ? String.valueOf(e.getMessage()) : failure;
                throw e;
            }
        }
    }

    /** To print to. It has a buffer: {@code flush} before somebody else writes. */
    public PrintStream stream() {
        return stream;
    }

    /** Why not all could be written; empty when it was, or nobody wanted more. */
    String failure() {
        stream.flush();
        return watched.failure.equals(ENOUGH) ? "" : watched.failure;
    }

    /**
     * The program is over: the rest is written, and a failure told on standard error.
     *
     * @param status with which it would end
     * @param failed with which it ends instead of 0 when not all could be written
     */
    public int end(String program, int status, int failed) {
        String failure = failure();
        if (!failure.isEmpty()) {
            System.err.println(program + ": standard output: " + failure);
        }
        System.err.flush();
        return failure.isEmpty() || status != 0 ? status : failed;
    }
}
