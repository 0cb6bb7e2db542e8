package io.jvmm.device.vsock;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A machine that is paused while somebody waits. */
@Timeout(60)
class WaitingTest {
    private static final long SECOND = 1_000_000_000L;

    private final VsockBench bench = new VsockBench();

    @AfterEach
    void close() {
        bench.close();
    }

    /** The supervisor holds a duplicate of each until it is told: else it would hold this one until the process is replaced. */
    @Test
    void aSocketThatIsLostOnTheWayIsNotHeldForEver() {
        bench.start(VsockBench.ALL);
        bench.supervisorAnswers = false;
        for (int n = 0; n < 3; n++) {
            bench.send(bench.packet(Packet.REQUEST, 1024 + n, 99, 0));
            bench.loseSockets();
            bench.settle();
            bench.expect(Packet.RST, 1024 + n, 99);
            assertEquals(1, bench.toldClosed());
        }
        assertEquals(0, bench.device().switchboard().table().used());
    }

    @Test
    void aPauseIsNobodysFault() {
        bench.start(VsockBench.ALL);
        HostEnd silent = bench.client();
        HostEnd asking = bench.client();
        asking.write("CONNECT 52\n");
        bench.settle();
        bench.expect(Packet.REQUEST, 52, 1 << 30);
        bench.supervisorAnswers = false;
        bench.send(bench.packet(Packet.REQUEST, 1024, 99, 0));
        assertEquals(3, bench.device().switchboard().table().used());
        bench.device().resumed(1000 * SECOND, bench.rig.nowNs() + 1000 * SECOND);
        bench.rig.advance(1001 * SECOND);
        bench.settle();
        bench.expectNothing();
        assertEquals(3, bench.device().switchboard().table().used(), "each has a second left, or more");
        bench.rig.advance(2 * SECOND);
        bench.settle();
        bench.expect(Packet.RST, 52, 1 << 30);
        bench.expect(Packet.RST, 1024, 99);
        bench.supervisorAnswers = true;
        bench.settle();
        assertTrue(asking.ended());
        assertFalse(silent.ended());
        bench.rig.advance(60 * SECOND);
        assertTrue(silent.ended());
        assertEquals(0, bench.device().switchboard().table().used());
    }
}
