package io.jvmm.device.platform;

import io.jvmm.device.api.HostileBoards;
import io.jvmm.device.api.HostileStates;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Peers and predecessors that lie; seeds and longer runs: {@link HostileStates}, {@link HostileBoards}. */
@Timeout(3600)
class PlatformHostilityTest {

    @Test
    void aStateThatLies() {
        System.out.println(HostileStates.run(new PlatformDevice(), HostileStates.cases(1_000)));
    }

    @Test
    void aBoardThatLiesInTurns() {
        System.out.println(HostileBoards.inTurns(new PlatformDevice(), HostileBoards.lives(400)));
    }

    @Test
    void aBoardThatLiesAtOnce() throws InterruptedException {
        System.out.println(HostileBoards.atOnce(new PlatformDevice(), HostileBoards.lives(3)));
    }
}
