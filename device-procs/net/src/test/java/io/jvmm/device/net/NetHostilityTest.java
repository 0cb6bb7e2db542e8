package io.jvmm.device.net;

import io.jvmm.device.api.HostileBoards;
import io.jvmm.device.api.HostileStates;
import io.jvmm.device.virtio.VirtioProcess;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Peers and predecessors that lie; seeds and longer runs: {@link HostileStates}, {@link HostileBoards}. */
@Timeout(3600)
class NetHostilityTest {

    @Test
    void aStateThatLies() {
        System.out.println(HostileStates.run(new VirtioProcess(new NetDevice()), HostileStates.cases(1_000)));
    }

    @Test
    void aBoardThatLiesInTurns() {
        System.out.println(HostileBoards.inTurns(new VirtioProcess(new NetDevice()), HostileBoards.lives(400)));
    }

    @Test
    void aBoardThatLiesAtOnce() throws InterruptedException {
        System.out.println(HostileBoards.atOnce(new VirtioProcess(new NetDevice()), HostileBoards.lives(3)));
    }
}
