package io.jvmm.supervisor.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.sys.Clock;
import io.jvmm.supervisor.upgrade.DistributionDirectory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Looks at files that end well, badly, late and never. */
@Timeout(60)
class AsideTest {
    private static final long HOUR_NS = 3_600_000_000_000L;

    private final Aside aside = new Aside(HOUR_NS);
    private final List<String> said = new ArrayList<>();
    private final CountDownLatch answers = new CountDownLatch(1);

    @AfterEach
    void close() throws InterruptedException {
        answers.countDown();
        aside.close();
    }

    private void begin(Aside.Work<String> work) {
        aside.begin(work, found -> said.add("found " + found), why -> said.add("failed " + why));
    }

    private void serveUntil(int count) throws InterruptedException {
        while (said.size() < count) {
            aside.serve();
            Thread.sleep(1);
        }
    }

    private String hangs() {
        try {
            answers.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
        return "late";
    }

    @Test
    void whatIsFoundIsToldOnTheLoop() throws InterruptedException {
        begin(() -> Thread.currentThread().getName());
        assertTrue(aside.isBusy());
        assertEquals(List.of(), said);
        serveUntil(1);
        begin(() -> DistributionDirectory.check(Path.of("/nowhere"), "rng").toString());
        serveUntil(2);
        begin(() -> {
            throw new OutOfMemoryError("x");
        });
        serveUntil(3);
        assertEquals(
                List.of(
                        "found aside",
                        "failed there is no /nowhere. Correct the path.",
                        "failed it cannot be looked at: java.lang.OutOfMemoryError: x"),
                said);
        assertFalse(aside.isBusy());
        assertEquals(MachineLifecycle.NEVER, aside.nextDeadlineNs());
    }

    /** The machine goes on, whoever waits is told, and a bounded number of threads is lost to such a file system. */
    @Test
    void aFileSystemThatDoesNotAnswer() throws InterruptedException {
        for (int n = 0; n < Aside.MOST; n++) {
            begin(this::hangs);
            assertTrue(aside.nextDeadlineNs() <= Clock.monotonicNs() + HOUR_NS);
            aside.tick(aside.nextDeadlineNs() - 1);
            assertEquals(n, said.size());
            aside.tick(aside.nextDeadlineNs());
            assertEquals(
                    "failed it could not be looked at within 3600 s: its file system does not answer", said.getLast());
            assertFalse(aside.isBusy());
        }
        begin(() -> "never asked");
        assertEquals(Aside.MOST + 1, said.size());
        assertTrue(said.getLast().startsWith("failed its file system is not asked: "), said.getLast());
        // It comes back: what it says then nobody waits for, and the next is looked at again.
        answers.countDown();
        while (said.stream().noneMatch("found again"::equals)) {
            begin(() -> "again");
            aside.serve();
            Thread.sleep(1);
        }
        assertTrue(said.stream().noneMatch("found late"::equals), said::toString);
    }
}
