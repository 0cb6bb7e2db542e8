package io.jvmm.supervisor.launch;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.sys.FileIo;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class MachineLauncherTest {
    @Test
    void aStepThatFailsIsNamed() {
        HostLackException e = assertThrows(
                HostLackException.class,
                () -> MachineLauncher.made(
                        "the standard input", () -> FileIo.open(Path.of("/dev/none"), FileIo.READ_ONLY, 0)));
        assertTrue(String.valueOf(e.getMessage()).startsWith("the standard input cannot be made: "), e::getMessage);
    }
}
