package io.jvmm.it;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.ToIntFunction;

/**
 * What a machine has said so far, and waiting for what it will say. Text is taken byte by byte as ISO 8859-1, so that
 * arbitrary bytes survive. Waiting moves a cursor: what has been waited for is not seen again. One reader thread appends,
 * test threads wait.
 */
public final class Transcript {
    private static final int EXCERPT = 600;

    private final String name;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition more = lock.newCondition();
    private final ByteArrayOutputStream all = new ByteArrayOutputStream();
    private int cursor;
    private boolean ended;

    Transcript(String name) {
        this.name = name;
    }

    void append(byte[] bytes, int length) {
        lock.lock();
        try {
            all.write(bytes, 0, length);
            more.signalAll();
        } finally {
            lock.unlock();
        }
    }

    void end() {
        lock.lock();
        try {
            ended = true;
            more.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Waits for a text and returns everything up to and with it, from where the last wait ended. */
    public String await(String text, Duration patience) {
        return await("\"" + text + "\"", patience, unread -> {
            int at = unread.indexOf(text);
            return at < 0 ? -1 : at + text.length();
        });
    }

    /** Waits for so many bytes and returns them. */
    public byte[] await(int lengthBytes, Duration patience) {
        return await(lengthBytes + " bytes", patience, unread -> unread.length() < lengthBytes ? -1 : lengthBytes)
                .getBytes(StandardCharsets.ISO_8859_1);
    }

    private String await(String what, Duration patience, ToIntFunction<String> match) {
        long left = patience.toNanos();
        lock.lock();
        try {
            while (true) {
                String unread = unread();
                int length = match.applyAsInt(unread);
                if (length >= 0) {
                    cursor += length;
                    return unread.substring(0, length);
                }
                if (ended || left <= 0) {
                    throw new AssertionError(
                            name + (ended ? " ended" : " was silent for " + patience.toSeconds() + " s") + " without "
                                    + what + "; last said:\n" + excerpt());
                }
                left = more.awaitNanos(left);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted while waiting for " + what, e);
        } finally {
            lock.unlock();
        }
    }

    /** Waits until a text is anywhere in what has been said; moves no cursor. */
    public void awaitSaid(String text, Duration patience) {
        await(
                "\"" + text + "\"",
                patience,
                _ -> all.toString(StandardCharsets.ISO_8859_1).contains(text) ? 0 : -1);
    }

    /** Waits until nothing more can come. */
    public void awaitEnd(Duration patience) throws InterruptedException {
        long left = patience.toNanos();
        lock.lock();
        try {
            while (!ended) {
                if (left <= 0) {
                    throw new AssertionError(name + " does not end");
                }
                left = more.awaitNanos(left);
            }
        } finally {
            lock.unlock();
        }
    }

    /** Everything said. */
    public String text() {
        lock.lock();
        try {
            return all.toString(StandardCharsets.ISO_8859_1);
        } finally {
            lock.unlock();
        }
    }

    /** How many bytes have been said; grows. */
    public int lengthBytes() {
        lock.lock();
        try {
            return all.size();
        } finally {
            lock.unlock();
        }
    }

    private String unread() {
        byte[] bytes = all.toByteArray();
        return new String(Arrays.copyOfRange(bytes, cursor, bytes.length), StandardCharsets.ISO_8859_1);
    }

    private String excerpt() {
        String text = all.toString(StandardCharsets.ISO_8859_1);
        return text.substring(Math.max(0, text.length() - EXCERPT));
    }

    /** Waits, outside any lock, without a busy loop; for things that nobody announces. */
    static void pause(long millis) throws InterruptedException {
        TimeUnit.MILLISECONDS.sleep(millis);
    }
}
