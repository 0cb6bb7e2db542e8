package io.jvmm.device.vsock;

import io.jvmm.device.api.HostileBoards;
import io.jvmm.device.api.HostileStates;
import io.jvmm.device.virtio.VirtioProcess;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Peers and predecessors that lie; seeds and longer runs: {@link HostileStates}, {@link HostileBoards}. */
@Timeout(3600)
class VsockHostilityTest {

    @Test
    void aStateThatLies() {
        System.out.println(HostileStates.run(new VirtioProcess(new VsockFactory()), HostileStates.cases(1_000)));
    }

    @Test
    void aBoardThatLiesInTurns() {
        System.out.println(HostileBoards.inTurns(new VirtioProcess(new VsockFactory()), HostileBoards.lives(400)));
    }

    @Test
    void aBoardThatLiesAtOnce() throws InterruptedException {
        System.out.println(HostileBoards.atOnce(new VirtioProcess(new VsockFactory()), HostileBoards.lives(3)));
    }
}
