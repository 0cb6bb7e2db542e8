package io.jvmm.supervisor.lifecycle;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.supervisor.config.HostFacts;
import io.jvmm.supervisor.config.VmConfig;
import io.jvmm.supervisor.config.VmToml;
import io.jvmm.supervisor.control.ControlReply;
import io.jvmm.supervisor.launch.FakeMachine;
import io.jvmm.supervisor.launch.ProcessInstance;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** What is found of devices from outside: their committed states and their links. */
class InspectionsTest extends LoopFixture {
    @Test
    void statesAndLinksAreThoseOfTheProcess() throws Exception {
        FakeMachine m = machine(SLEEP);
        VmConfig config = VmToml.read(
                        "[boot]\nkernel = \"k\"\n[rng]\nenabled = false\n",
                        "vm.toml",
                        Path.of("/"),
                        HostFacts.read(),
                        VmToml.Options.STANDARD)
                .config();
        Console console = new Console(new PrintStream(err, true, StandardCharsets.UTF_8), Console.Detail.NORMAL);
        MachineLoop loop = new MachineLoop(
                config,
                m.children(),
                signals,
                console,
                Optional.empty(),
                m,
                Optional.empty(),
                m,
                Optional.empty(),
                false);
        try {
            Inspections inspections = new Inspections(loop, config, m);
            states(inspections, m);
            links(inspections);
        } finally {
            CompletableFuture<Outcome> run = CompletableFuture.supplyAsync(loop::run, ON_THREADS);
            m.child(ProcessInstance.VCPU).pidfd().signal(9);
            outcome(run);
        }
    }

    private static void states(Inspections inspections, FakeMachine m) {
        ControlReply.DeviceState state = assertInstanceOf(ControlReply.DeviceState.class, inspections.state("serial0"));
        assertEquals("serial", state.process());
        assertEquals(0, state.part());
        assertEquals(m.child(ProcessInstance.SERIAL).pid(), state.pid());
        assertEquals(3, state.stateVersion());
        assertEquals(1, state.sequence());
        assertEquals(64, state.ringPosition());
        assertEquals(Map.of("ports", "1"), state.entries());
        assertArrayEquals(new byte[] {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, state.state());
        String none = assertInstanceOf(ControlReply.Failed.class, inspections.state("serial7"))
                .message();
        assertEquals("there is no device \"serial7\". There are serial0, platform.", none);
        String vcpu = assertInstanceOf(ControlReply.Failed.class, inspections.state("vcpu"))
                .message();
        assertTrue(vcpu.startsWith("the registers of the processors are in no device's state"), vcpu);
    }

    private static void links(Inspections inspections) {
        List<ControlReply.Link> links =
                assertInstanceOf(ControlReply.Links.class, inspections.links()).links();
        assertEquals(
                List.of("vcpu supervisor", "serial vcpu", "serial supervisor", "platform vcpu", "platform supervisor"),
                links.stream().map(l -> l.process() + " " + l.with()).toList());
        ControlReply.Link serial = links.get(1);
        assertEquals(List.of("serial0"), serial.devices());
        assertEquals(2, serial.glance().replySlots());
        assertEquals("connected", links.get(2).health());
    }
}
