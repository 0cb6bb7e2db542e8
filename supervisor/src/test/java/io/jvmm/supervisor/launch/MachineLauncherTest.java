package io.jvmm.supervisor.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.sys.FileIo;
import io.jvmm.policy.jail.JailedProcess;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class MachineLauncherTest {
    @Test
    void aStepThatFailsIsNamed() {
        HostLackException e = assertThrows(
                HostLackException.class,
                () -> ProcessStarter.made(
                        "the standard input", () -> FileIo.open(Path.of("/dev/none"), FileIo.READ_ONLY, 0)));
        assertTrue(String.valueOf(e.getMessage()).startsWith("the standard input cannot be made: "), e::getMessage);
    }

    @Test
    void processesThatDoNotEndInTimeAreNamedAndTheOthersCollected() {
        try (FakeMachine m = new FakeMachine("exec sleep 100")) {
            List<JailedProcess> all =
                    m.children().stream().map(ChildProcess::process).toList();
            all.getFirst().kill();
            all.getLast().kill();
            assertEquals(List.of(all.get(1)), MachineLauncher.collect(all, 1_000_000_000L));
            all.get(1).kill();
            assertEquals(List.of(), MachineLauncher.collect(List.of(all.get(1)), 10_000_000_000L));
        }
    }
}
