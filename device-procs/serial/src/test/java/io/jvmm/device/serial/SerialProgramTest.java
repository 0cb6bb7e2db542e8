package io.jvmm.device.serial;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.jvmm.device.api.InspectedState;
import io.jvmm.device.api.ScratchProgram;
import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.sys.ExitStatus;
import java.io.IOException;
import org.junit.jupiter.api.Test;

/** The program itself under its filter, without an AOT cache: nothing can be loaded any more, and nothing needs to be. */
class SerialProgramTest {

    @Test
    void everythingTwiceUnderTheFilter() throws IOException {
        assertEquals(
                new ExitStatus.Exited(ProcessExit.STOPPED.code()),
                ScratchProgram.live(new SerialDevice(), SerialMain.class, 2));
    }

    @Test
    void aSpareTakesOverUnderItsFilterAndServesUnderTheOther() throws IOException {
        assertEquals(
                new ExitStatus.Exited(ProcessExit.STOPPED.code()),
                ScratchProgram.liveAsSpare(new SerialDevice(), SerialMain.class, 2));
    }

    /** With the words of the specification, whatever its state holds. */
    @Test
    void itsStateIsReadByNames() throws IOException {
        InspectedState.check(
                new SerialDevice(), "port[0].LCR = 0x03 8BITS", "port[0].DLL = 0x0c", "port[3].rxTimeOutNs = never");
    }
}
