package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.supervisor.demo.DebianKernel;
import io.jvmm.supervisor.demo.DebianPackages;
import java.nio.file.Path;
import java.time.Duration;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * A guest that nobody here wrote: Debian's stock cloud kernel prints its early boot log through the jailed 16550A. Where the
 * host's KVM is a software one the kernel then stops at an instruction it lacks (an INT3 self-test); on real hardware it
 * goes on and looks for its root. Both are fine here.
 */
@Tag("kvm")
@Tag("boot")
class DebianKernelIT extends MachineTest {
    private static final Duration PATIENCE = Duration.ofMinutes(3);

    /** What this kernel must not use where KVM emulates ring 0. */
    static final String TAMED = "earlycon=uart8250,io,0x3f8,115200n8 console=ttyS0 keep_bootcon nokaslr mitigations=off"
            + " noxsave nosmap clearcpuid=popcnt,cx16,rdtscp,xsave,smap";

    @Test
    void earlyBootLog() throws Exception {
        Path kernel = new DebianKernel(
                        new DebianPackages(DebianPackages.standardCache(System.getenv()), System.out::println))
                .vmlinuz(DebianKernel.Flavour.CLOUD);
        String toml = """
                [machine]
                memory = "512M"
                engine = "kvm"
                [boot]
                kernel = "%s"
                cmdline = "%s"
                on_reset = "exit"
                """.formatted(kernel, TAMED);
        try (Machine machine = Machine.with(dir, toml).run()) {
            Transcript console = machine.console();
            String log = console.await("BIOS-e820", PATIENCE);
            assertTrue(log.contains("Linux version 6."), log);
            assertTrue(log.contains("Command line: " + TAMED), log);
            log += console.await("NX (Execute Disable) protection: active", PATIENCE);
            log += console.await("ACPI: RSDP", PATIENCE);
            assertTrue(
                    Pattern.compile("BIOS-e820: \\[mem 0x0000000000100000-0x000000001fffffff\\] usable")
                            .matcher(log)
                            .find(),
                    log);
            console.await("ACPI: XSDT", PATIENCE);
            console.await("ACPI: FACP", PATIENCE);
            console.await("ACPI: DSDT", PATIENCE);
            console.await("ACPI: APIC", PATIENCE);
            // No table was refused, no checksum was wrong.
            String all = console.text();
            assertTrue(!all.contains("ACPI BIOS Error") && !all.contains("ACPI Error"), all);
            machine.signal(2);
            Transcript.pause(200);
            machine.signal(2);
            machine.awaitExit();
        }
    }
}
