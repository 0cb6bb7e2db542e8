package io.jvmm.ipc.sys;

import org.agrona.DirectBuffer;

/**
 * Waiting on a 32-bit word in memory that processes share (futex(2), never the PRIVATE variant). Any thread; nothing is
 * allocated. The word must lie in off-heap memory, 4-byte aligned.
 *
 * <p>System calls: futex.
 */
public final class Futex {
    private static final int FUTEX_WAIT = 0;
    private static final int FUTEX_WAKE = 1;
    private static final int FUTEX_WAIT_BITSET = 9;
    private static final int MATCH_ANY = 0xffff_ffff;

    private Futex() {}

    /** Why a wait ended. */
    public enum Outcome {
        /** Someone woke us, or pretended to: look at the word again. */
        WOKEN,
        /** The word did not hold the expected value. */
        CHANGED,
        /** The time is over. */
        TIMED_OUT,
        /** A signal arrived. */
        INTERRUPTED
    }

    /**
     * Sleeps while the word holds {@code expected}.
     *
     * @param timeoutNs at most this long, in nanoseconds of CLOCK_MONOTONIC; not positive means a look without sleeping
     */
    public static Outcome await(DirectBuffer buffer, int offset, int expected, long timeoutNs) {
        long timespec = ThreadScratch.ofThread().timespec(timeoutNs);
        return outcome(Syscall.call(
                SyscallNumbers.FUTEX, address(buffer, offset), FUTEX_WAIT, Integer.toUnsignedLong(expected), timespec));
    }

    /**
     * Sleeps while the word holds {@code expected}, until {@link Clock#monotonicNs()} reaches {@code deadlineNs}. Being
     * absolute, the deadline does not move when the caller repeats the wait after a spurious wake-up.
     */
    public static Outcome awaitUntil(DirectBuffer buffer, int offset, int expected, long deadlineNs) {
        long timespec = ThreadScratch.ofThread().timespec(deadlineNs);
        return outcome(Syscall.call(
                SyscallNumbers.FUTEX,
                address(buffer, offset),
                FUTEX_WAIT_BITSET,
                Integer.toUnsignedLong(expected),
                timespec,
                0,
                Integer.toUnsignedLong(MATCH_ANY)));
    }

    /**
     * Wakes up to {@code count} waiters.
     *
     * @return how many were woken
     */
    public static int wake(DirectBuffer buffer, int offset, int count) {
        return (int) Syscall.check(
                "wake futex", Syscall.call(SyscallNumbers.FUTEX, address(buffer, offset), FUTEX_WAKE, count));
    }

    private static Outcome outcome(long result) {
        if (result >= 0) {
            return Outcome.WOKEN;
        }
        return switch ((int) -result) {
            case 11 -> Outcome.CHANGED; // EAGAIN
            case 110 -> Outcome.TIMED_OUT; // ETIMEDOUT
            case 4 -> Outcome.INTERRUPTED; // EINTR
            default -> throw SysException.of("wait on futex", (int) -result);
        };
    }

    private static long address(DirectBuffer buffer, int offset) {
        buffer.boundsCheck(offset, Integer.BYTES);
        long address = buffer.addressOffset() + offset;
        if (buffer.byteArray() != null || (address & 3) != 0) {
            throw new IllegalArgumentException("a futex word lies off-heap at a multiple of four");
        }
        return address;
    }
}
