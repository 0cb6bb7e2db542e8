package io.jvmm.supervisor.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.sys.Pidfd;
import io.jvmm.ipc.sys.Signals;
import io.jvmm.supervisor.launch.ProcessInstance;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** What is said of a vCPU process that does not answer: what it was asked, how long ago, and what it does instead. */
class BoardPatienceTest {
    private static MachineEvent.Failed failed(long pid, SupervisorRequestType request, ProcessInstance about) {
        return BoardPatience.failed((int) pid, new ChildWatch.Asked(request, about, 0, 1));
    }

    @Test
    void oneThatIsStoppedIsSaidToBeStopped() throws Exception {
        Process p = new ProcessBuilder("sleep", "100").start();
        try (Pidfd pidfd = Pidfd.open((int) p.pid())) {
            pidfd.signal(Signals.SIGSTOP);
            while (!Files.readString(Path.of("/proc/" + p.pid() + "/stat")).contains(") T ")) {
                Thread.onSpinWait();
            }
            MachineEvent.Failed f = failed(p.pid(), SupervisorRequestType.PAUSE, ProcessInstance.VCPU);
            assertEquals(
                    "(pid " + p.pid()
                            + ") was asked to let the guest stand still (PAUSE), and did not answer within 10 s: it is stopped, by a"
                            + " signal or a debugger",
                    f.what());
            assertTrue(f.advice().startsWith("Start it anew. "), f::advice);
        } finally {
            p.destroyForcibly().waitFor();
        }
    }

    @Test
    void theDeviceItWasToldOfIsNamed() {
        // A number that no process has.
        assertEquals(
                "(pid 2147483647) was told that the process of device serial is gone (DEVICE_AWAY), and did not answer within 10"
                        + " s: it hangs, or the host has no processor for it",
                failed(Integer.MAX_VALUE, SupervisorRequestType.DEVICE_AWAY, ProcessInstance.SERIAL)
                        .what());
    }
}
