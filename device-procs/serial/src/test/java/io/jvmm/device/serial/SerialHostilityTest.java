package io.jvmm.device.serial;

import io.jvmm.device.api.HostileBoards;
import io.jvmm.device.api.HostileStates;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Peers and predecessors that lie; seeds and longer runs: {@link HostileStates}, {@link HostileBoards}. */
@Timeout(3600)
class SerialHostilityTest {

    @Test
    void aStateThatLies() {
        System.out.println(HostileStates.run(new SerialDevice(), HostileStates.cases(1_000)));
    }

    @Test
    void aBoardThatLiesInTurns() {
        System.out.println(HostileBoards.inTurns(new SerialDevice(), HostileBoards.lives(400)));
    }

    @Test
    void aBoardThatLiesAtOnce() throws InterruptedException {
        System.out.println(HostileBoards.atOnce(new SerialDevice(), HostileBoards.lives(3)));
    }
}
