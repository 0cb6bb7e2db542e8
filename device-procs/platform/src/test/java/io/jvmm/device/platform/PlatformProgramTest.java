package io.jvmm.device.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.jvmm.device.api.InspectedState;
import io.jvmm.device.api.ScratchProgram;
import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.sys.ExitStatus;
import java.io.IOException;
import org.junit.jupiter.api.Test;

/** The program itself under its filter, without an AOT cache: nothing can be loaded any more, and nothing needs to be. */
class PlatformProgramTest {

    @Test
    void everythingTwiceUnderTheFilter() throws IOException {
        assertEquals(
                new ExitStatus.Exited(ProcessExit.STOPPED.code()),
                ScratchProgram.live(new PlatformDevice(), PlatformMain.class, 2));
    }

    @Test
    void aSpareTakesOverUnderItsFilterAndServesUnderTheOther() throws IOException {
        assertEquals(
                new ExitStatus.Exited(ProcessExit.STOPPED.code()),
                ScratchProgram.liveAsSpare(new PlatformDevice(), PlatformMain.class, 2));
    }

    /** With the words of the specification, whatever its state holds. */
    @Test
    void itsStateIsReadByNames() throws IOException {
        InspectedState.check(
                new PlatformDevice(),
                "rtc.SECONDS = 0x58",
                "rtc.CENTURY = 0x20",
                "rtc.REGISTER_D = 0x80 VRT",
                "kbc.status = 0x04 SYS");
    }
}
