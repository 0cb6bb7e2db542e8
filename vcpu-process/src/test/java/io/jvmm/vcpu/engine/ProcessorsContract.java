package io.jvmm.vcpu.engine;

import static io.jvmm.vcpu.engine.ExitKind.PIO_WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Processors: how they start, how they are kicked, what they are told about themselves: what every engine does alike. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
public abstract class ProcessorsContract {
    /** A machine of the engine in question. */
    protected abstract Engine engine(int vcpuCount);

    final TestMachine real(String code) {
        return TestMachine.real(this::engine, code);
    }

    final TestMachine protected32(String code) {
        return TestMachine.protected32(this::engine, code);
    }

    final TestMachine start(int vcpuCount, BootState state, String code) {
        return TestMachine.start(this::engine, vcpuCount, state, code);
    }

    private static final String SPIN = "eb fe";

    @Test
    void aSecondaryProcessorStartsWithInitAndSipi() throws Exception {
        try (TestMachine machine = start(2, BootState.pvh(TestMachine.CODE, 0, 0, 0), """
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
        try (TestMachine machine = real(SPIN)) {
            machine.vcpu().kick();
            assertEquals(ExitKind.KICKED, machine.vcpu().run());
        }
    }

    @Test
    void aKickEndsAnEndlessLoopAHaltAndTheWaitForSipi() throws Exception {
        try (TestMachine spinning = real(SPIN);
                TestMachine halted = start(2, BootState.real(0, TestMachine.CODE), "fa f4")) {
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
        final int kicks = 500;
        final AtomicBoolean done = new AtomicBoolean();
        final AtomicInteger requested = new AtomicInteger();
        final AtomicInteger seen = new AtomicInteger();
        try (TestMachine machine = real(SPIN);
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
                    try (TestMachine machine = real(code)) {
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
        try (TestMachine machine = protected32("""
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
}
