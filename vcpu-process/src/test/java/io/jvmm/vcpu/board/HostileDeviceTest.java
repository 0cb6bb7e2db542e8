package io.jvmm.vcpu.board;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.hostile.HostilePeer;
import io.jvmm.ipc.hostile.Lie;
import io.jvmm.ipc.link.LinkHealth;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.sys.EventFd;
import java.lang.management.ManagementFactory;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A whole board, its thread and a vCPU's, while the device at the other end of the link tells one lie after the other as fast as it can: the
 * vCPU goes on, the board listens to the supervisor and takes a bounded share of a processor. {@code -Djvmm.hostile.stormMs=5000} makes
 * each storm longer, {@code -Djvmm.seed=N} the same one again.
 */
@Timeout(600)
class HostileDeviceTest {
    private static final long STORM_MS = Long.getLong("jvmm.hostile.stormMs", 80);
    private static final long SEED = TestSeed.next();
    private static final long READ_TIMEOUT_NS = 5_000_000;

    /** Of a processor. Listening to a flood takes a few hundredths. */
    private static final double MOST_SHARE = 0.5;

    @Test
    void eachLieAsAStorm() throws InterruptedException {
        for (final Lie lie : Lie.values()) {
            storm(lie, false);
        }
    }

    @Test
    void allLiesAsAStorm() throws InterruptedException {
        for (int i = 0; i < 4; i++) {
            storm(Lie.NOISE, true);
        }
    }

    private void storm(Lie lie, boolean any) throws InterruptedException {
        final ScriptedVcpu vcpu = new ScriptedVcpu(0, true, ScriptedVcpu.in(0x105, 1), ScriptedVcpu.out(0x101, 1, 42));
        try (BoardRig rig = new BoardRig(false, READ_TIMEOUT_NS, vcpu).up();
                EventFd requests = EventFd.create();
                HostilePeer device = new HostilePeer(
                        rig.deviceLink.fd(), HostilePeer.Side.DEVICE, requests, rig.deviceEventDoorbell, SEED)) {
            rig.send(SupervisorRequestType.START);
            rig.hear("first");
            final AtomicBoolean over = new AtomicBoolean();
            final Thread liar = Thread.ofPlatform().name("liar").start(() -> {
                while (!over.get()) {
                    if (any) {
                        device.step();
                    } else {
                        device.tell(lie);
                    }
                }
            });
            final long runs = vcpu.runs;
            final long cpuNs = cpuNs(rig.boardThread());
            final long beginNs = System.nanoTime();
            rig.await("the storm's end", () -> System.nanoTime() - beginNs > STORM_MS * 1_000_000);
            final double share = (cpuNs(rig.boardThread()) - cpuNs) / (double) (System.nanoTime() - beginNs);
            assertTrue(share < MOST_SHARE, lie + ": the board takes " + share + " of a processor");
            rig.await("the vCPU's next exit", () -> vcpu.runs > runs);
            rig.send(SupervisorRequestType.PAUSE);
            rig.hear("ack PAUSE 0");
            over.set(true);
            liar.join();
            if (rig.boardEnd.health() == LinkHealth.SEVERED) {
                rig.await("the report", () -> rig.events.stream().anyMatch(e -> e.startsWith("violation 7 ")));
            }
            assertEquals(
                    0, rig.events.stream().filter(e -> e.startsWith("stopped")).count(), "the guest goes on");
            System.out.printf(
                    Locale.ROOT,
                    "%s: board %.3f of a processor, %s%n",
                    any ? "all lies" : lie.toString(),
                    share,
                    rig.boardEnd.health());
        }
    }

    private static long cpuNs(Thread thread) {
        return ManagementFactory.getThreadMXBean().getThreadCpuTime(thread.threadId());
    }
}
