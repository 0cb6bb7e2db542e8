package io.jvmm.device.rng;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.jvmm.device.api.InspectedState;
import io.jvmm.device.api.ScratchProgram;
import io.jvmm.device.virtio.VirtioProcess;
import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.sys.ExitStatus;
import java.io.IOException;
import org.junit.jupiter.api.Test;

/** The program itself under its filter, without an AOT cache: nothing can be loaded any more, and nothing needs to be. */
class RngProgramTest {

    @Test
    void everythingTwiceUnderTheFilter() throws IOException {
        assertEquals(
                new ExitStatus.Exited(ProcessExit.STOPPED.code()),
                ScratchProgram.live(new VirtioProcess(new RngDevice()), RngMain.class, 2));
    }

    @Test
    void aSpareTakesOverUnderItsFilterAndServesUnderTheOther() throws IOException {
        assertEquals(
                new ExitStatus.Exited(ProcessExit.STOPPED.code()),
                ScratchProgram.liveAsSpare(new VirtioProcess(new RngDevice()), RngMain.class, 2));
    }

    /** With the words of the specification, whatever its state holds. */
    @Test
    void itsStateIsReadByNames() throws IOException {
        InspectedState.check(
                new VirtioProcess(new RngDevice()),
                "function0.common.device_status = 0x00",
                "function0.device.bytes = 0");
    }
}
