package io.jvmm.vcpu.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.vcpu.engine.Engine;
import io.jvmm.vcpu.engine.ExitKind;
import io.jvmm.vcpu.engine.ExitsContract;
import io.jvmm.vcpu.engine.TestMachine;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Exits on real KVM, and what only KVM does. */
@Tag("kvm")
class KvmExitsTest extends ExitsContract {
    @Override
    protected Engine engine(int vcpuCount) {
        return KvmMachines.engine(vcpuCount);
    }

    @Test
    void aSnapshotLeavesTheVcpuToBeKickedOutOnceAndUsable() {
        try (TestMachine machine = TestMachine.real(KvmMachines::engine, "e4 60 f4")) { // in al, 0x60; hlt
            machine.expectRead(ExitKind.PIO_READ, 0x60, 1, 0x99);
            machine.vcpu().snapshot();
            assertEquals(ExitKind.KICKED, machine.vcpu().run());
        }
    }

    @Test
    void aTripleFaultIsNamedAsKvmNamesIt() {
        try (TestMachine machine = TestMachine.protected32(KvmMachines::engine, "0f 0b")) { // ud2
            assertEquals(ExitKind.SHUTDOWN, machine.run());
            assertTrue(machine.vcpu().exit().failure().contains("SHUTDOWN"));
        }
    }

    /** The same with the compiler and the collector that the jailed process runs with: C2 optimizes allocations away. */
    @Test
    void exitsAllocateNothingUnderTheFlagsOfTheLaunchFile() throws Exception {
        final Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "@src/main/launch/vcpu.launch",
                        "--add-exports",
                        "java.base/jdk.internal.misc=ALL-UNNAMED",
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        ExitAllocation.class.getName())
                .redirectErrorStream(true)
                .start();
        process.getOutputStream().close();
        final String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), output);
        assertEquals("0 bytes", output.strip());
    }
}
