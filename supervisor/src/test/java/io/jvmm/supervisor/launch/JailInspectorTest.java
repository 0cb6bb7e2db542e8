package io.jvmm.supervisor.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.jvmm.policy.jail.JailDetails;
import io.jvmm.policy.jail.JailReport;
import io.jvmm.supervisor.config.MachineConfig;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** A process is held to what it was started with: that of an upgrade comes from another distribution than the supervisor. */
class JailInspectorTest {
    @Test
    void itsRootHoldsWhatItWasStartedWith() throws Exception {
        try (FakeMachine machine = new FakeMachine("exit 0")) {
            ChildProcess made = machine.child(ProcessInstance.SERIAL);
            ChildProcess child = new ChildProcess(
                    made.instance(),
                    made.process(),
                    made.control(),
                    made.output(),
                    made.link(),
                    made.endpoint(),
                    made.requestDoorbell(),
                    made.eventDoorbell(),
                    made.variants(),
                    made.filters(),
                    Set.of(),
                    Set.of("/jvmm/aot/of-another.jsa"),
                    made.hostUid());
            JailReport report = new JailReport(
                    "serial",
                    made.pid(),
                    Map.of(),
                    Map.of(),
                    Map.of(),
                    "",
                    "",
                    List.of(),
                    List.of("/ ro", "/jvmm/aot/of-another.jsa ro", "/home ro"),
                    new JailDetails(Map.of(), "", false, List.of(), List.of(), 0, List.of()));
            List<String> faults = new JailInspector(new Distribution(Path.of("/nowhere"), MachineConfig.Engine.X86))
                    .faults(child, Optional.empty(), report).stream()
                            .filter(f -> f.contains("mount"))
                            .toList();
            assertEquals(List.of("has a mount that its jail does not have: /home ro"), faults);
            machine.children().forEach(c -> c.pidfd().await(10_000_000_000L));
        }
    }
}
