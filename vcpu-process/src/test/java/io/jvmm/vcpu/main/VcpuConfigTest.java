package io.jvmm.vcpu.main;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.vcpu.board.AcpiConfig;
import io.jvmm.vcpu.board.WindowSpec;
import io.jvmm.vcpu.main.VcpuConfig.Device;
import io.jvmm.vcpu.main.VcpuConfig.Interrupt;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The boot record's entries for the vCPU process. */
class VcpuConfigTest {
    private static Map<String, String> good() {
        final Map<String, String> entries = new HashMap<>();
        entries.put("vcpus", "2");
        entries.put("memory.bytes", "67108864");
        entries.put("cmdline", "console=ttyS0");
        entries.put("devices", "serial,platform");
        entries.put("serial.window.0", "pio:3f8:8");
        entries.put("serial.window.1", "pio:2f8:8");
        entries.put("serial.irq.0", "gsi:4:edge");
        entries.put("serial.irq.1", "gsi:3:edge");
        entries.put("platform.window.0", "pio:70:2");
        entries.put("platform.window.3", "pio:600:40");
        entries.put("platform.irq.3", "gsi:9:level");
        return entries;
    }

    private static BootRecord record(Map<String, String> entries) {
        final BootRecord.Builder builder = BootRecord.builder();
        entries.forEach(builder::put);
        return builder.build();
    }

    @Test
    void whatTheSupervisorSends() {
        final VcpuConfig config = VcpuConfig.from(record(good()));
        assertEquals(2, config.vcpus());
        assertEquals(64L << 20, config.memoryBytes());
        assertEquals("console=ttyS0", config.commandLine());
        assertEquals(VcpuConfig.Jail.ENFORCE, config.jail());
        assertEquals(
                List.of("serial", "platform"),
                config.devices().stream().map(Device::name).toList());
        final Device platform = config.devices().get(1);
        assertEquals(
                new VcpuConfig.Window(3, new WindowSpec(WindowSpec.Space.PIO, 0x600, 0x40), false),
                platform.windows().get(1));
        assertEquals(List.of(new Interrupt(3, 9, true)), platform.interrupts());
    }

    @Test
    void aWindowWhoseWritesAreNotPosted() {
        final Map<String, String> entries = good();
        entries.put("platform.window.7", "pio:510:c:nonposted");
        assertEquals(
                new VcpuConfig.Window(7, new WindowSpec(WindowSpec.Space.PIO, 0x510, 0xc), true),
                VcpuConfig.from(record(entries)).devices().get(1).windows().getLast());
    }

    @Test
    void functionsOfADevice() {
        final Map<String, String> entries = good();
        entries.put("platform.pci.0", "slot:3:line:0:vectors:2");
        entries.put("platform.pci.1", "slot:30:line:3:vectors:65");
        entries.put("platform.pci.3", "never looked at");
        final VcpuConfig config = VcpuConfig.from(record(entries));
        assertEquals(
                List.of(new VcpuConfig.Function(3, 0, 2), new VcpuConfig.Function(30, 3, 65)),
                config.devices().get(1).functions());
        assertEquals(68, config.devices().get(1).functions().get(1).intxLine());
        assertEquals(List.of(), config.devices().getFirst().functions());
    }

    @Test
    void moreVectorsThanAMachineHas() {
        final Map<String, String> entries = good();
        entries.put("platform.pci.0", "slot:3:line:0:vectors:2048");
        entries.put("platform.pci.1", "slot:4:line:2049:vectors:1500");
        final Exception e = assertThrows(IllegalArgumentException.class, () -> VcpuConfig.from(record(entries)));
        assertTrue(String.valueOf(e.getMessage()).contains("3548"), String.valueOf(e.getMessage()));
    }

    @Test
    void acpiFollowsTheDevices() {
        final AcpiConfig acpi = Wiring.acpi(VcpuConfig.from(record(good())));
        assertTrue(acpi.platform());
        assertEquals(List.of(new AcpiConfig.ComPort(0x3f8, 4), new AcpiConfig.ComPort(0x2f8, 3)), acpi.comPorts());
    }

    @ParameterizedTest
    @CsvSource({
        "platform.pci.0, slot:0:line:0:vectors:2",
        "platform.pci.0, slot:32:line:0:vectors:2",
        "platform.pci.0, slot:3:line:0:vectors:0",
        "platform.pci.0, slot:3:line:0:vectors:2049",
        "platform.pci.0, slot:3:line:-1:vectors:2",
        "platform.pci.0, slot:3:line:0",
        "vcpus, 0",
        "vcpus, 256",
        "memory.bytes, 4097",
        "memory.bytes, 0",
        "engine, qemu",
        "jail, perhaps",
        "serial.window.0, pio:3f8",
        "serial.window.0, pio:xyz:8",
        "serial.window.0, pio:ffff:8",
        "serial.irq.0, gsi:24:edge",
        "serial.irq.0, gsi:4:both",
        "serial.irq.0, irq:4:edge",
        "wait.spin-ns, -1",
    })
    void aWrongEntryIsNamed(String key, String value) {
        final Map<String, String> entries = good();
        entries.put(key, value);
        final BootRecord record = record(entries);
        final IllegalArgumentException refused =
                assertThrows(IllegalArgumentException.class, () -> VcpuConfig.from(record));
        assertTrue(String.valueOf(refused.getMessage()).contains(key), refused::toString);
        assertTrue(String.valueOf(refused.getMessage()).contains(value), refused::toString);
    }
}
