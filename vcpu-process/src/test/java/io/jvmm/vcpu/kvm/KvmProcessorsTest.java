package io.jvmm.vcpu.kvm;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.vcpu.engine.BootState;
import io.jvmm.vcpu.engine.Engine;
import io.jvmm.vcpu.engine.ExitKind;
import io.jvmm.vcpu.engine.ProcessorsContract;
import io.jvmm.vcpu.engine.TestMachine;
import io.jvmm.vcpu.engine.Vcpu;
import io.jvmm.vcpu.kvm.sys.KvmIoctl;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Processors on real KVM, and what only KVM does. */
@Tag("kvm")
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class KvmProcessorsTest extends ProcessorsContract {
    private static final String SPIN = "eb fe";

    @Override
    protected Engine engine(int vcpuCount) {
        return KvmMachines.engine(vcpuCount);
    }

    @Test
    void registersThatFirmwareWouldHaveLeft() {
        try (TestMachine machine =
                TestMachine.start(KvmMachines::engine, 2, BootState.real(0, TestMachine.CODE), SPIN)) {
            for (Vcpu each : machine.vcpus) {
                final KvmVcpu vcpu = (KvmVcpu) each;
                assertEquals(0x806, BootMsrs.read(vcpu.fd(), BootMsrs.MTRR_DEF_TYPE.address), "MTRR default WB");
                assertEquals(0x0007_0406_0007_0406L, BootMsrs.read(vcpu.fd(), BootMsrs.PAT.address));
                assertEquals(1, BootMsrs.read(vcpu.fd(), BootMsrs.MISC_ENABLE.address) & 1, "fast strings");
                try (Arena arena = Arena.ofConfined()) {
                    final MemorySegment state = arena.allocate(1024, 8);
                    vcpu.fd().call(KvmIoctl.GET_LAPIC, state);
                    // SDM 3A 11.5.1: delivery mode ExtINT (7) on LINT0 of the boot processor, NMI (4) on LINT1.
                    if (vcpu.index() == 0) {
                        assertEquals(7, state.get(JAVA_INT, 0x350) >>> 8 & 7);
                    }
                    assertEquals(4, state.get(JAVA_INT, 0x360) >>> 8 & 7);
                    final MemorySegment mpState = arena.allocate(4, 4);
                    vcpu.fd().call(KvmIoctl.GET_MP_STATE, mpState);
                    // KVM_MP_STATE_RUNNABLE, KVM_MP_STATE_UNINITIALIZED
                    assertEquals(vcpu.index() == 0 ? 0 : 1, mpState.get(JAVA_INT, 0));
                }
            }
        }
    }

    @Test
    void anInstructionThatCannotBeFetchedIsReported() {
        // Code in device memory: KVM would have to emulate it, and cannot fetch it.
        try (TestMachine machine =
                TestMachine.protected32(KvmMachines::engine, "b8 00 00 00 d0 ff e0")) { // mov eax, ..; jmp eax
            final ExitKind kind = machine.run();
            assertTrue(kind.isFatal(), () -> kind + "");
            assertTrue(!machine.vcpu().exit().failure().isEmpty());
            assertEquals(0xd000_0000L, machine.vcpu().snapshot().rip());
            assertEquals(0, machine.vcpu().readLinear(0xd000_0000L, 16).length);
        }
    }

    @Test
    void somethingElseThanKvmIsRefusedWithTheReason() {
        try (Fd notKvm = FileIo.open(Path.of("/dev/null"), FileIo.READ_WRITE, 0)) {
            final SysException refused = assertThrows(SysException.class, () -> KvmEngine.create(notKvm, 1));
            assertTrue(String.valueOf(refused.getMessage()).contains("KVM_GET_API_VERSION"), refused::toString);
        }
    }

    @Test
    void anAbsurdNumberOfProcessorsIsRefused() {
        try (Fd kvm = KvmMachines.openKvm()) {
            assertThrows(IllegalArgumentException.class, () -> KvmEngine.create(kvm, 0));
            assertThrows(IllegalArgumentException.class, () -> KvmEngine.create(kvm, 5000));
        }
    }
}
