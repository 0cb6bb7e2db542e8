package io.jvmm.vcpu.kvm;

import static io.jvmm.vcpu.engine.ExitKind.PIO_WRITE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.vcpu.engine.BootState;
import io.jvmm.vcpu.engine.ExitKind;
import io.jvmm.vcpu.engine.Vcpu;
import io.jvmm.vcpu.kvm.sys.KvmIoctl;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Processors: how they start, how they are kicked, what they are told about themselves; on real KVM. */
@Tag("kvm")
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class KvmProcessorsTest {
    private static final String SPIN = "eb fe";

    @Test
    void aSecondaryProcessorStartsWithInitAndSipi() throws Exception {
        try (TestMachine machine = TestMachine.start(2, BootState.pvh(TestMachine.CODE, 0, 0, 0), """
                c7 05 f0 00 e0 fe ff 01 00 00  ; LAPIC spurious vector: enable
                c7 05 10 03 e0 fe 00 00 00 01  ; ICR high: APIC id 1
                c7 05 00 03 e0 fe 00 45 00 00  ; ICR low: INIT
                c7 05 00 03 e0 fe 02 46 00 00  ; ICR low: SIPI, page 2
                e6 80                          ; out 0x80, al
                f4                             ; hlt
                """)) {
            machine.put(0x2000, "b0 77 e6 81 f4"); // mov al, 0x77; out 0x81, al; hlt
            final Vcpu secondary = machine.vcpus[1];
            final CompletableFuture<Long> started = CompletableFuture.supplyAsync(() -> {
                ExitKind kind = secondary.run();
                while (kind == ExitKind.KICKED) {
                    kind = secondary.run();
                }
                assertEquals(PIO_WRITE, kind, () -> secondary.exit().failure());
                return secondary.exit().address() << 8 | secondary.exit().value(0);
            });
            machine.expect(PIO_WRITE, 0x80, 1);
            assertEquals(0x8177, started.get(30, TimeUnit.SECONDS));
        }
    }

    @Test
    void aKickBeforeTheFirstRunIsNotLost() {
        try (TestMachine machine = TestMachine.real(SPIN)) {
            machine.vcpu().kick();
            assertEquals(ExitKind.KICKED, machine.vcpu().run());
        }
    }

    @Test
    void aKickEndsAnEndlessLoopAHaltAndTheWaitForSipi() throws Exception {
        try (TestMachine spinning = TestMachine.real(SPIN);
                TestMachine halted = TestMachine.start(2, BootState.real(0, TestMachine.CODE), "fa f4")) {
            for (Vcpu vcpu : List.of(spinning.vcpu(), halted.vcpu(), halted.vcpus[1])) {
                final CompletableFuture<ExitKind> exit = CompletableFuture.supplyAsync(vcpu::run);
                TimeUnit.MILLISECONDS.sleep(20);
                vcpu.kick();
                assertEquals(ExitKind.KICKED, exit.get(30, TimeUnit.SECONDS));
            }
        }
    }

    /** Every kick must come through while the collector stops the world and other threads allocate. */
    @Test
    void kicksComeThroughUnderGarbageCollection() throws Exception {
        final int kicks = 2_000;
        final AtomicBoolean done = new AtomicBoolean();
        final AtomicInteger requested = new AtomicInteger();
        final AtomicInteger seen = new AtomicInteger();
        try (TestMachine machine = TestMachine.real(SPIN);
                ExecutorService pool = Executors.newFixedThreadPool(3)) {
            final Future<?> guest = pool.submit(() -> {
                while (seen.get() < kicks) {
                    assertEquals(ExitKind.KICKED, machine.vcpu().run());
                    seen.set(requested.get());
                }
            });
            final Future<?> noise = pool.submit(() -> {
                final List<byte[]> garbage = new ArrayList<>();
                while (!done.get()) {
                    garbage.add(new byte[4096]);
                    if (garbage.size() > 2_000) {
                        garbage.clear();
                    }
                }
            });
            final Future<?> collector = pool.submit(() -> {
                while (!done.get()) {
                    System.gc();
                }
            });
            try {
                for (int i = 1; i <= kicks; i++) {
                    requested.set(i);
                    machine.vcpu().kick();
                    while (seen.get() < i && !guest.isDone()) {
                        Thread.onSpinWait();
                    }
                }
                guest.get(60, TimeUnit.SECONDS);
            } finally {
                done.set(true);
            }
            noise.get(60, TimeUnit.SECONDS);
            collector.get(60, TimeUnit.SECONDS);
            assertEquals(kicks, seen.get());
        }
    }

    @Test
    void severalMachinesRunAtOnce() throws Exception {
        try (ExecutorService pool = Executors.newFixedThreadPool(4)) {
            final List<Future<Long>> sums = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                final int port = 0x100 + i;
                sums.add(pool.submit(() -> {
                    // mov dx, port; L: inc al; out dx, al; jmp L
                    final String code = "ba 0" + (port & 15) + " 01 b0 00 fe c0 ee eb fb";
                    try (TestMachine machine = TestMachine.real(code)) {
                        long sum = 0;
                        for (int n = 1; n <= 500; n++) {
                            machine.expectWrite(PIO_WRITE, port, 1, n & 0xff);
                            sum += n & 0xff;
                        }
                        return sum;
                    }
                }));
            }
            final long expected = sums.getFirst().get();
            for (Future<Long> sum : sums) {
                assertEquals(expected, sum.get());
            }
        }
    }

    @Test
    void cpuidTellsTheApicIdAndTheHypervisor() {
        try (TestMachine machine = TestMachine.protected32("""
                b8 00 00 00 40        ; mov eax, 0x40000000
                0f a2                 ; cpuid
                89 d8                 ; mov eax, ebx
                e7 80                 ; out 0x80, eax
                b8 01 00 00 00        ; mov eax, 1
                0f a2                 ; cpuid
                89 d8                 ; mov eax, ebx
                e7 81                 ; out 0x81, eax
                89 c8                 ; mov eax, ecx
                e7 82                 ; out 0x82, eax
                """)) {
            machine.expectWrite(PIO_WRITE, 0x80, 4, 0x4b4d_564bL); // "KVMK"
            machine.expect(PIO_WRITE, 0x81, 4);
            assertEquals(0x0001, machine.vcpu().exit().value(0) >>> 16, "APIC id 0, one logical processor");
            machine.expect(PIO_WRITE, 0x82, 4);
            final long features = machine.vcpu().exit().value(0);
            assertEquals(1, features >>> 31, "hypervisor present");
            assertEquals(0, features >>> 5 & 1, "no VMX");
            assertEquals(1, features >>> 21 & 1, "x2APIC");
        }
    }

    @Test
    void registersThatFirmwareWouldHaveLeft() {
        try (TestMachine machine = TestMachine.start(2, BootState.real(0, TestMachine.CODE), SPIN)) {
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
        try (TestMachine machine = TestMachine.protected32("b8 00 00 00 d0 ff e0")) { // mov eax, ..; jmp eax
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
        try (Fd kvm = TestMachine.openKvm()) {
            assertThrows(IllegalArgumentException.class, () -> KvmEngine.create(kvm, 0));
            assertThrows(IllegalArgumentException.class, () -> KvmEngine.create(kvm, 5000));
        }
    }
}
