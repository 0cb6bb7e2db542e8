package io.jvmm.device.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.sys.Poller;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Work that a message has left over, what follows a commit, and threads of a device's own. */
@Timeout(60)
class LeftOverWorkTest {

    @Test
    void everybodyElseHasATurnBetweenPieces() {
        try (LoopRig rig = new LoopRig().step(SupervisorRequestType.START)) {
            rig.factory.pieces = Integer.MAX_VALUE;
            rig.loop.doWork(2);
            assertEquals(4, rig.factory.piecesDone);
            rig.board.write(0, EchoDevice.CONTROL, 0, 1, 0);
            rig.supervisor.send(SupervisorRequestType.POWER_BUTTON);
            rig.loop.doWork(3);
            assertEquals(8, rig.factory.piecesDone);
            assertEquals(2, rig.interrupt(0).drain());
        }
    }

    @Test
    void itDoesNotSleepWhileThereIsSome() {
        try (LoopRig rig = new LoopRig().step(SupervisorRequestType.START)) {
            rig.factory.pieces = 1;
            rig.loop.sleep(2); // without an end, if it did
            rig.factory.pieces = 0;
        }
    }

    @Test
    void nothingIsDoneWhilePausedAndAllBeforeTheEnd() {
        try (LoopRig rig = new LoopRig().step(SupervisorRequestType.START).step(SupervisorRequestType.PAUSE)) {
            rig.factory.pieces = 10;
            rig.loop.doWork(2);
            assertEquals(0, rig.factory.piecesDone);
            rig.step(SupervisorRequestType.RESUME).step(SupervisorRequestType.DRAIN);
            assertEquals(10, rig.factory.piecesDone);
        }
    }

    @Test
    void theCoreIsToldOfEachCommit() {
        try (LoopRig rig = new LoopRig().step(SupervisorRequestType.START)) {
            int before = rig.factory.commits;
            rig.board.write(0, EchoDevice.MEMORY, 0, 1, 7);
            rig.factory.pieces = 2;
            rig.work();
            assertEquals(before + 3, rig.factory.commits);
            assertEquals(7, rig.committed().working().getByte(0));
        }
    }

    /** A worker that rings just before, or while, the device thread goes to sleep is heard. */
    @Test
    void noResultOfAWorkerIsMissed() throws InterruptedException {
        int results = 20_000;
        AtomicInteger finished = new AtomicInteger();
        try (WorkerBell bell = new WorkerBell()) {
            Poller poller = new Poller(1);
            bell.attach(poller);
            Thread worker = Thread.ofPlatform().start(() -> {
                for (int i = 0; i < results; i++) {
                    finished.incrementAndGet();
                    bell.ring();
                    if ((i & 63) == 0) {
                        Thread.onSpinWait();
                    }
                }
            });
            int seen = 0;
            while (seen < results) {
                bell.watch(poller);
                if (finished.get() == seen) {
                    assertTrue(poller.await(20_000_000_000L) > 0, "after " + seen);
                } else {
                    poller.await(0);
                }
                bell.awake(poller);
                seen = finished.get();
            }
            worker.join();
            assertFalse(worker.isAlive());
        }
    }
}
