package io.jvmm.supervisor.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.jvmm.supervisor.config.ConfigException;
import io.jvmm.supervisor.config.HostFacts;
import io.jvmm.supervisor.config.VmConfig;
import io.jvmm.supervisor.config.VmToml;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** A table of a line or two reads better in one line here. */
@SuppressWarnings("StringConcatToTextBlock")
class MachinePlanTest {
    private static VmConfig config(String tables) throws ConfigException {
        return VmToml.read(
                        "[boot]\nkernel = \"k\"\n[rng]\nenabled = false\n" + tables,
                        "vm.toml",
                        Path.of("/vms"),
                        new HostFacts(1L << 34, 2),
                        VmToml.Options.STANDARD)
                .config();
    }

    private static String plan(String tables) throws ConfigException {
        MachinePlan plan = MachinePlan.of(config(tables));
        return plan.devices().stream()
                .map(d -> d.process()
                        + plan.functions(d).stream()
                                .map(f -> " " + f.slot() + "@" + f.firstLine() + "+" + f.vectors())
                                .collect(Collectors.joining()))
                .collect(Collectors.joining(", "));
    }

    @Test
    void aMachineWithoutDevicesHasThreeProcesses() throws ConfigException {
        MachinePlan plan = MachinePlan.of(config(""));
        assertEquals(List.of(ProcessInstance.VCPU, ProcessInstance.SERIAL, ProcessInstance.PLATFORM), plan.processes());
        assertEquals(List.of(ProcessInstance.SERIAL, ProcessInstance.PLATFORM), plan.devices());
    }

    /** Lines are counted through: those of a function's vectors, then its INTx. */
    @Test
    void devicesOfAClassShareAProcess() throws ConfigException {
        assertEquals(
                "serial, platform, block 8@0+2 9@3+5",
                plan("[[block]]\npath = \"a\"\n[[block]]\npath = \"b\"\nqueues = 4\n"));
    }

    @Test
    void anIsolatedDeviceHasItsOwn() throws ConfigException {
        assertEquals(
                "serial, platform, block 8@0+2 10@3+2, block-data 9@0+2",
                plan("[[block]]\npath = \"a\"\n[[block]]\npath = \"b\"\nid = \"data\"\nisolation = \"instance\"\n"
                        + "[[block]]\npath = \"c\"\n"));
    }

    /** virtio 1.2 §5: a vector for each queue and one for the configuration. */
    @Test
    void everyClassHasItsSlotAndItsVectors() throws ConfigException {
        assertEquals(
                "serial, platform, console 1@0+7, balloon 3@0+6, vsock 4@0+4, block 8@0+2, net 24@0+4",
                plan("[console]\nbackend = \"none\"\n[[console.port]]\nname = \"a\"\nbackend = \"none\"\n"
                        + "[balloon]\n[[vsock]]\ncid = 3\npath = \"v\"\n[[block]]\npath = \"a\"\n"
                        + "[[net]]\nbackend = \"none\"\n"));
        assertEquals(
                "serial, platform, console 1@0+3, balloon 3@0+5",
                plan("[console]\nbackend = \"none\"\n[balloon]\nfree_page_reporting = false\n"));
    }

    /** Without a word about it: an entropy source. */
    @Test
    void everyMachineHasEntropy() throws ConfigException {
        VmConfig config = VmToml.read(
                        "[boot]\nkernel = \"k\"\n",
                        "vm.toml",
                        Path.of("/"),
                        new HostFacts(1L << 34, 2),
                        VmToml.Options.STANDARD)
                .config();
        MachinePlan plan = MachinePlan.of(config);
        assertEquals(2, plan.functions(plan.devices().getLast()).getFirst().slot());
        assertEquals("rng", plan.devices().getLast().process());
    }

    @Test
    void aSlotThatIsNamedIsKeptAndOthersMakeRoom() throws ConfigException {
        assertEquals(
                "serial, platform, block 9@0+2 8@3+2 10@6+2, net 24@0+4",
                plan("[[net]]\nbackend = \"none\"\n[[block]]\npath = \"a\"\n[[block]]\npath = \"b\"\nslot = 8\n"
                        + "[[block]]\npath = \"c\"\n"));
    }

    @Test
    void moreThanABusHoldsAreRefused() {
        assertThrows(ConfigException.class, () -> config("[[net]]\nbackend = \"none\"\n".repeat(31)));
    }

    /** By class and number, whoever serves them; by their ids, too. */
    @Test
    void devicesHaveNamesOfTheirOwn() throws ConfigException {
        DeviceNames names = DeviceNames.of(config("[[serial]]\nport = 2\nbackend = \"none\"\n"
                + "[[block]]\npath = \"a\"\n[[block]]\npath = \"b\"\nid = \"data\"\nisolation = \"instance\"\n"
                + "[[block]]\npath = \"c\"\n[balloon]\n"));
        assertEquals(
                List.of("serial0", "serial1", "platform", "balloon0", "block0", "block1", "block2"),
                names.names().stream().toList());
        DeviceNames.Name data = names.find("block-data").orElseThrow();
        assertEquals("block1", data.name());
        assertEquals("block-data", data.process().process());
        assertEquals(0, data.part());
        assertEquals(1, names.find("block2").orElseThrow().part());
        assertEquals(1, names.find("COM2").orElseThrow().part());
        assertEquals("balloon0", names.find("balloon").orElseThrow().name());
        assertEquals(Optional.empty(), names.find("block"), "that process serves two");
        assertEquals(2, names.of(ProcessInstance.of(ProcessKind.BLOCK)).size());
    }
}
