package io.jvmm.ipc.link;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.message.DeviceRequestType;
import io.jvmm.ipc.sys.EventFd;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** {@link SuccessionTest} at speed: hundreds of lives of a device's process under four posting threads. The seed is printed. */
class SuccessionStressTest {
    private static final long LONG_NS = 30_000_000_000L;

    private final LinkMemory memory = LinkMemory.create(new LinkSpec(LinkKind.DEVICE, 4, 4096, 4096));
    private final EventFd requestDoorbell = EventFd.create();
    private final EventFd eventDoorbell = EventFd.create();

    @AfterEach
    void close() {
        requestDoorbell.close();
        eventDoorbell.close();
        memory.close();
    }

    private DeviceEndpoint device(long position) {
        return new DeviceEndpoint(memory, requestDoorbell, eventDoorbell, position);
    }

    /** All the while processes die and come back, four vCPUs post and read: each message is handled once, in order, each read answered. */
    @Test
    void nothingIsLostOrDoubledWhileProcessesComeAndGo() throws InterruptedException {
        stress(false);
    }

    /** The same when each time the link is scrubbed: then what lies in it is lost by intent, and no vCPU ever meets a scrubbed link half-way. */
    @Test
    void renewalUnderLoadConfusesNobody() throws InterruptedException {
        stress(true);
    }

    private void stress(boolean renew) throws InterruptedException {
        int rounds = 20_000;
        BoardEndpoint board =
                new BoardEndpoint(memory, requestDoorbell, eventDoorbell, new WaitPolicy(0, LONG_NS, LONG_NS));
        AtomicLong wrong = new AtomicLong();
        AtomicLong finished = new AtomicLong();
        List<Thread> vcpus = new ArrayList<>();
        for (int v = 0; v < 4; v++) {
            int vcpu = v;
            vcpus.add(Thread.ofPlatform().start(() -> {
                for (int i = 0; i < rounds; i++) {
                    board.write(vcpu, 1, 0, 4, i);
                    if (i % 4 == 0 && board.read(vcpu, 2, i, 4) != i + 1) {
                        wrong.incrementAndGet();
                    }
                }
                board.read(vcpu, 2, rounds, 4);
                finished.incrementAndGet();
            }));
        }
        long position = 0;
        long[] next = new long[4];
        long[] skipped = new long[4];
        int lives = 0;
        long seed = TestSeed.next();
        Random random = new Random(seed);
        while (finished.get() < 4) {
            lives++;
            DeviceEndpoint device = device(position);
            assertNull(device.violation(), "life " + lives);
            if (lives > 1) {
                assertTrue(board.back());
            }
            int most = 1 + random.nextInt(400);
            for (int i = 0; i < most && finished.get() < 4; ) {
                if (!device.next()) {
                    Thread.onSpinWait();
                    continue;
                }
                i++;
                boolean last = i == most;
                if (last && random.nextInt(3) == 0) {
                    break; // dies before it has done anything
                }
                if (device.request() == DeviceRequestType.READ) {
                    device.reply(device.offset() + 1L);
                    if (last && !renew && random.nextBoolean()) {
                        break; // has answered, not committed: the successor answers again
                    }
                } else {
                    int v = device.vcpu();
                    if (device.value() < next[v] || (device.value() > next[v] && !renew)) {
                        wrong.incrementAndGet();
                    }
                    skipped[v] += device.value() - next[v];
                    next[v] = device.value() + 1;
                }
                position = device.positionAfter();
                if (last && random.nextBoolean()) {
                    break; // committed, not given back
                }
                device.release();
            }
            assertTrue(board.away(renew, System.nanoTime()));
            if (renew) {
                LockSupport.parkNanos(BoardEndpoint.settleNs());
                while (!board.isVacant()) {
                    Thread.onSpinWait();
                }
                LinkRenewal.whole(memory);
                position = 0;
            } else {
                LinkRenewal.events(memory);
            }
        }
        for (Thread vcpu : vcpus) {
            vcpu.join();
        }
        System.out.println(lives + " lives");
        assertEquals(0, wrong.get(), "seed " + seed);
        for (int v = 0; v < 4; v++) {
            assertTrue(
                    renew || (next[v] == rounds && skipped[v] == 0), "vcpu " + v + ": " + next[v] + ", seed " + seed);
        }
    }
}
