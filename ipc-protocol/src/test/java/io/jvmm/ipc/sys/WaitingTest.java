package io.jvmm.ipc.sys;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.Allocations;
import java.util.Optional;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** {@link Futex}, {@link Poller}, {@link Pidfd}, {@link Clock}. */
@Timeout(60)
class WaitingTest {
    private static final long MILLISECOND = 1_000_000;

    @Test
    void aFutexLooksBeforeItSleeps() {
        try (Mapping mapping = Mapping.anonymous(4096)) {
            UnsafeBuffer words = mapping.buffer();
            words.putInt(8, -5);
            assertEquals(Futex.Outcome.CHANGED, Futex.await(words, 8, 4, Poller.FOREVER));
            assertEquals(Futex.Outcome.TIMED_OUT, Futex.await(words, 8, -5, 0));
            long start = Clock.monotonicNs();
            assertEquals(Futex.Outcome.TIMED_OUT, Futex.await(words, 8, -5, 3 * MILLISECOND));
            assertEquals(Futex.Outcome.TIMED_OUT, Futex.awaitUntil(words, 8, -5, start + 6 * MILLISECOND));
            assertTrue(Clock.monotonicNs() - start >= 6 * MILLISECOND);
            assertEquals(Futex.Outcome.TIMED_OUT, Futex.awaitUntil(words, 8, -5, start), "a deadline in the past");
            assertEquals(0, Futex.wake(words, 8, 1));
        }
    }

    @Test
    void aFutexWakesAcrossMappingsOfTheSameMemory() throws InterruptedException {
        try (MemFd memFd = MemFd.createSealed("test", 4096);
                Mapping one = memFd.map();
                Mapping two = memFd.map()) {
            UnsafeBuffer mine = one.buffer();
            UnsafeBuffer theirs = two.buffer();
            Thread sleeper = Thread.ofPlatform().start(() -> {
                while (mine.getIntVolatile(0) == 0) {
                    Futex.await(mine, 0, 0, 10_000 * MILLISECOND);
                }
            });
            while (sleeper.getState() == Thread.State.NEW) {
                Thread.onSpinWait();
            }
            theirs.putIntVolatile(0, 1);
            Futex.wake(theirs, 0, 1);
            sleeper.join();
        }
    }

    @Test
    void aFutexWordLiesOffHeapAndAligned() {
        assertThrows(IllegalArgumentException.class, () -> Futex.await(new UnsafeBuffer(new byte[16]), 0, 0, 0));
        try (Mapping mapping = Mapping.anonymous(4096)) {
            assertThrows(IllegalArgumentException.class, () -> Futex.await(mapping.buffer(), 2, 0, 0));
            assertThrows(IndexOutOfBoundsException.class, () -> Futex.await(mapping.buffer(), 4096, 0, 0));
        }
    }

    @Test
    void aPollerTellsWhatIsReady() {
        try (EventFd one = EventFd.create();
                EventFd two = EventFd.create();
                Pipe pipe = Pipe.create()) {
            Poller poller = new Poller(3);
            int first = poller.add(one.fd(), Poller.READABLE);
            int second = poller.add(two.fd(), Poller.READABLE);
            int third = poller.add(pipe.reader(), Poller.READABLE);
            assertThrows(IllegalStateException.class, () -> poller.add(one.fd(), 0));
            assertEquals(0, poller.await(0));
            two.signal();
            assertEquals(1, poller.await(Poller.FOREVER));
            assertEquals(0, poller.ready(first));
            assertTrue(poller.isReady(second, Poller.READABLE));
            poller.ignore(second);
            assertEquals(0, poller.await(MILLISECOND));
            poller.watch(second, two.fd(), Poller.READABLE);
            poller.setEvents(second, 0);
            assertEquals(0, poller.await(0));
            pipe.writer().close();
            assertEquals(1, poller.await(Poller.FOREVER));
            assertTrue(poller.isReady(third, Poller.HANG_UP));
            assertThrows(IndexOutOfBoundsException.class, () -> poller.ready(3));
        }
    }

    @Test
    void waitingAllocatesNothing() {
        try (EventFd eventFd = EventFd.create();
                Mapping mapping = Mapping.anonymous(4096)) {
            Poller poller = new Poller(2);
            poller.add(eventFd.fd(), Poller.READABLE);
            UnsafeBuffer words = mapping.buffer();
            Allocations.assertNone("poll", () -> {
                poller.await(0);
                poller.await(1);
                poller.isReady(0, Poller.READABLE);
            });
            Allocations.assertNone("futex", () -> {
                Futex.await(words, 0, 1, 1);
                Futex.awaitUntil(words, 0, 0, 1);
                Futex.wake(words, 0, 1);
            });
            Allocations.assertNone("clock", () -> {
                Clock.monotonicNs();
                Clock.realtimeNs();
            });
        }
    }

    @Test
    void theMonotonicClockIsTheKernels() {
        int clockMonotonic = 1;
        long before = Clock.monotonicNs();
        long kernel = Clock.read(clockMonotonic);
        long after = Clock.monotonicNs();
        assertTrue(before <= kernel && kernel <= after, before + " " + kernel + " " + after);
    }

    @Test
    void theRealtimeClockIsTheCalendars() {
        long before = System.currentTimeMillis();
        long ours = Clock.realtimeNs() / MILLISECOND;
        long after = System.currentTimeMillis();
        assertTrue(before <= ours && ours <= after, before + " " + ours + " " + after);
    }

    private static Pidfd start(String command) {
        // Not through ProcessBuilder, whose reaper thread would collect the child before we can.
        return ForkedShell.start(command);
    }

    @Test
    void aChildsExitCodeIsCollected() {
        try (Pidfd child = start("exit 7")) {
            Poller poller = new Poller(1);
            poller.add(child.fd(), Poller.READABLE);
            assertEquals(1, poller.await(Poller.FOREVER));
            assertEquals(Optional.of(new ExitStatus.Exited(7)), child.peek());
            assertEquals(Optional.of(new ExitStatus.Exited(7)), child.poll());
            assertFalse(child.signal(Signals.SIGTERM), "a collected process takes no signal");
            assertThrows(SysException.class, child::poll);
        }
    }

    @Test
    void aChildsSignalIsCollected() {
        try (Pidfd child = start("exec sleep 1000")) {
            assertEquals(Optional.empty(), child.poll());
            assertTrue(child.signal(Signals.SIGKILL));
            ExitStatus status = child.await();
            assertEquals(new ExitStatus.Killed(Signals.SIGKILL, false), status);
            assertEquals("killed by SIGKILL", status.toString());
            assertEquals(137, status.shellCode());
        }
    }

    @Test
    void systemFacts() {
        assertTrue(SystemInfo.kernelAtLeast(5, 0), SystemInfo.kernelRelease());
        assertFalse(SystemInfo.kernelAtLeast(99, 0));
        assertTrue(SystemInfo.memoryTotalBytes() > 64L << 20);
        assertEquals(ProcessHandle.current().pid(), SystemInfo.pid());
        assertTrue(SystemInfo.threadId() > 0);
        try (Mapping mapping = Mapping.anonymous(4096)) {
            SystemInfo.random(mapping.segment());
            long sum = 0;
            for (int i = 0; i < 512; i++) {
                sum |= mapping.buffer().getLong(8 * i);
            }
            assertTrue(sum != 0);
        }
    }
}
