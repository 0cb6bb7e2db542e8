package io.jvmm.device.console;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.jvmm.device.api.InspectedState;
import io.jvmm.device.api.ScratchProgram;
import io.jvmm.device.virtio.VirtioProcess;
import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.sys.ExitStatus;
import java.io.IOException;
import org.junit.jupiter.api.Test;

/** The program itself under its filter, without an AOT cache: nothing can be loaded any more, and nothing needs to be. */
class ConsoleProgramTest {

    @Test
    void everythingTwiceUnderTheFilter() throws IOException {
        assertEquals(
                new ExitStatus.Exited(ProcessExit.STOPPED.code()),
                ScratchProgram.live(new VirtioProcess(new ConsoleDevice()), ConsoleMain.class, 2));
    }

    @Test
    void aSpareTakesOverUnderItsFilterAndServesUnderTheOther() throws IOException {
        assertEquals(
                new ExitStatus.Exited(ProcessExit.STOPPED.code()),
                ScratchProgram.liveAsSpare(new VirtioProcess(new ConsoleDevice()), ConsoleMain.class, 2));
    }

    /** With the words of the specification, whatever its state holds. */
    @Test
    void itsStateIsReadByNames() throws IOException {
        InspectedState.check(
                new VirtioProcess(new ConsoleDevice()), "function0.device.cols = 80", "function0.device.rows = 25");
    }
}
