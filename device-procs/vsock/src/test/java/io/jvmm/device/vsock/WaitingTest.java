package io.jvmm.device.vsock;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.sys.Errno;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Clients the process has no room for, and a machine that is paused while somebody waits. */
@Timeout(60)
class WaitingTest {
    private static final long SECOND = 1_000_000_000L;

    private final VsockBench bench = new VsockBench();

    @AfterEach
    void close() {
        bench.close();
    }

    /** The listening socket stays readable; looking at it must not be all that the process does. */
    @ParameterizedTest
    @EnumSource(names = {"EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"})
    void aClientThatCannotBeTakenWaitsAndNothingSpins(Errno why) {
        bench.start(VsockBench.ALL);
        bench.acceptFails(why);
        HostEnd client = bench.client();
        client.write("CONNECT 52\n");
        for (int i = 0; i < 50; i++) {
            bench.settle();
        }
        assertEquals(1, bench.accepts());
        bench.rig.advance(SECOND);
        assertTrue(bench.accepts() > 5 && bench.accepts() < 15, "now and then: " + bench.accepts());
        List<String> said = bench.rig.hostEvents();
        assertEquals(1, said.size(), said.toString());
        assertTrue(said.getFirst().contains(why.name()), said.getFirst());
        assertFalse(client.ended());
        bench.acceptFails(null);
        bench.rig.advance(SECOND / 5);
        bench.settle();
        bench.expect(Packet.REQUEST, 52, 1 << 30);
        bench.acceptFails(why);
        bench.client();
        bench.rig.advance(SECOND);
        assertEquals(1, said.size(), "once");
    }

    /** Connections go on meanwhile. */
    @Test
    void thoseThatAreThereAreServed() {
        bench.start(VsockBench.ALL);
        bench.listen(52);
        HostEnd host = bench.fromGuest(1024, 52);
        bench.acceptFails(Errno.EMFILE);
        bench.client();
        bench.settle();
        host.write("hello");
        bench.settle();
        assertEquals(
                "hello",
                new String(bench.expect(Packet.RW, 1024, 52).data(), java.nio.charset.StandardCharsets.US_ASCII));
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
        assertTrue(asking.ended());
        assertFalse(silent.ended());
        bench.rig.advance(60 * SECOND);
        assertTrue(silent.ended());
        assertEquals(0, bench.device().switchboard().table().used());
    }
}
