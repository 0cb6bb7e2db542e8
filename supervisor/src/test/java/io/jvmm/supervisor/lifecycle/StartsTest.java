package io.jvmm.supervisor.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.supervisor.launch.FakeMachine;
import io.jvmm.supervisor.launch.ProcessInstance;
import io.jvmm.supervisor.launch.StartedProcess;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Starts that fail in any way, that nobody wants any more, and that never end. */
@Timeout(60)
class StartsTest {
    private final FakeMachine machine = new FakeMachine(LoopFixture.SLEEP);
    private final Starts starts = new Starts(machine);

    @AfterEach
    void close() {
        starts.close();
        machine.children().forEach(c -> {
            c.pidfd().signal(9);
            assertTrue(c.pidfd().await(TimeUnit.SECONDS.toNanos(10)).isPresent());
        });
        machine.close();
    }

    private Starts.Done next() throws InterruptedException {
        for (Optional<Starts.Done> d = starts.next(); ; d = starts.next()) {
            if (d.isPresent()) {
                return d.get();
            }
            Thread.sleep(1);
        }
    }

    private static boolean isThere(StartedProcess started) {
        return Files.exists(Path.of("/proc/" + started.process().pid()));
    }

    @Test
    void anErrorIsAFailureAndNotTheEndOfWaiting() throws Exception {
        starts.begin(ProcessInstance.SERIAL, () -> {
            throw new OutOfMemoryError("no room");
        });
        Starts.Done done = next();
        assertNull(done.started());
        assertEquals("java.lang.OutOfMemoryError: no room", done.failure());
        starts.begin(ProcessInstance.SERIAL);
        assertNotNull(next().started(), "and the thread goes on");
    }

    /** Its uid is somebody else's next: not while it still exists. */
    @Test
    void whatIsDiscardedIsForgottenWhenItIsGone() throws Exception {
        starts.begin(ProcessInstance.SERIAL);
        StartedProcess started = next().started();
        assertNotNull(started);
        starts.discard(started);
        while (machine.done().isEmpty()) {
            Thread.sleep(1);
        }
        assertEquals(List.of("forget serial"), machine.done());
    }

    @Test
    void whatIsCancelledIsNotToldAndDoesNotStay() throws Exception {
        CountDownLatch hangs = new CountDownLatch(1);
        StartedProcess[] late = new StartedProcess[1];
        starts.begin(ProcessInstance.SERIAL, () -> {
            try {
                hangs.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            late[0] = machine.start(ProcessInstance.SERIAL);
            return late[0];
        });
        starts.cancel(ProcessInstance.SERIAL);
        // Its turn does not come before the first has ended, and then it is not wanted either.
        starts.begin(ProcessInstance.SERIAL, () -> {
            throw new IllegalStateException("cancelled before its turn");
        });
        starts.cancel(ProcessInstance.SERIAL);
        starts.begin(ProcessInstance.SERIAL);
        assertTrue(starts.next().isEmpty());
        hangs.countDown();
        Starts.Done done = next();
        assertNotNull(done.started());
        assertTrue(isThere(done.started()));
        while (machine.done().isEmpty()) {
            Thread.sleep(1);
        }
        assertFalse(isThere(late[0]));
        starts.discard(done.started());
        assertTrue(starts.next().isEmpty());
    }

    /** Before what has been started there may be word of a failure. */
    @Test
    void nothingOfWhatHasBeenStartedStaysAtTheEnd() throws Exception {
        StartedProcess[] started = new StartedProcess[1];
        starts.fail(ProcessInstance.PLATFORM, "it was of no use");
        starts.begin(ProcessInstance.SERIAL, () -> {
            started[0] = machine.start(ProcessInstance.SERIAL);
            return started[0];
        });
        starts.close();
        assertFalse(isThere(started[0]));
        assertEquals(List.of("forget serial"), machine.done());
    }
}
