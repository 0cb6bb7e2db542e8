package io.jvmm.vcpu.x86;

import static io.jvmm.vcpu.engine.ExitKind.MMIO_READ;
import static io.jvmm.vcpu.engine.ExitKind.MMIO_WRITE;
import static io.jvmm.vcpu.engine.ExitKind.PIO_READ;
import static io.jvmm.vcpu.engine.ExitKind.PIO_WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.vcpu.engine.BootState;
import io.jvmm.vcpu.engine.ExitKind;
import io.jvmm.vcpu.engine.PortHandler;
import io.jvmm.vcpu.engine.TestMachine;
import io.jvmm.vcpu.engine.Vcpu;
import io.jvmm.vcpu.x86.apic.ControllerLayout;
import io.jvmm.vcpu.x86.cpu.CpuStateLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A whole machine saved, and another one loaded with that. {@link X86LockStepTest} does so in the middle of a kernel's life. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class X86StateTest {
    private static final int CODE = TestMachine.CODE;
    private static final String SPIN = "eb fe";

    @Test
    void layoutIsAsDrawn() {
        final MemoryLayout layout = X86StateLayout.of(3);
        assertEquals(408 + 3 * 1424, layout.byteSize());
        assertEquals(0, layout.byteOffset(PathElement.groupElement("timeNs")));
        assertEquals(8, layout.byteOffset(PathElement.groupElement("turn")));
        assertEquals(16, layout.byteOffset(PathElement.groupElement("chipset")));
        assertEquals(408, layout.byteOffset(PathElement.groupElement("vcpu")));
        assertEquals(8, X86StateLayout.VCPU_V1.byteOffset(PathElement.groupElement("cpu")));
        assertEquals(1232, X86StateLayout.VCPU_V1.byteOffset(PathElement.groupElement("apic")));
        assertEquals(1, X86StateLayout.VERSION);
        assertEquals(1, CpuStateLayout.VERSION);
    }

    private static TestMachine protected32(String code) {
        return TestMachine.protected32(X86Engine::create, code);
    }

    /** Processor 1 is saved while it waits, and started in the machine that was loaded. */
    @Test
    void aProcessorThatWaitsForItsStart() throws Exception {
        try (TestMachine first = TestMachine.start(X86Engine::create, 2, BootState.pvh(CODE, 0, 0, 0), """
                        c7 05 f0 00 e0 fe ff 01 00 00  ; LAPIC spurious vector: enable
                        c7 05 10 03 e0 fe 00 00 00 01  ; ICR high: APIC id 1
                        c7 05 00 03 e0 fe 00 45 00 00  ; ICR low: INIT
                        e6 80                          ; out 0x80, al
                        c7 05 00 03 e0 fe 02 46 00 00  ; ICR low: SIPI, page 2
                        e6 82                          ; out 0x82, al
                        f4                             ; hlt
                        """)) {
            first.put(0x2000, "b0 77 e6 81 f4"); // mov al, 0x77; out 0x81, al; hlt
            first.expect(PIO_WRITE, 0x80, 1);
            assertTrue(first.vcpu().settle());
            try (TestMachine second = first.restored(X86Engine::create)) {
                final Vcpu secondary = second.vcpus[1];
                final CompletableFuture<Long> started = CompletableFuture.supplyAsync(() -> {
                    ExitKind kind = secondary.run();
                    while (kind == ExitKind.KICKED) {
                        kind = secondary.run();
                    }
                    assertEquals(PIO_WRITE, kind, () -> secondary.exit().failure());
                    return secondary.exit().address() << 8 | secondary.exit().value(0);
                });
                second.expect(PIO_WRITE, 0x82, 1);
                assertEquals(0x8177, started.get(30, TimeUnit.SECONDS));
            }
        }
    }

    /** An instruction that needs a second access is carried on; one whose next item has not begun is at a boundary. */
    @Test
    void nothingIsInFlight() {
        try (TestMachine first = protected32("""
                83 05 10 00 00 d0 01  ; add dword [0xd0000010], 1
                b9 03 00 00 00        ; mov ecx, 3
                bf 00 20 00 00        ; mov edi, 0x2000
                66 ba 60 00           ; mov dx, 0x60
                f3 6c                 ; rep insb
                e6 80                 ; out 0x80, al
                """)) {
            first.expectRead(MMIO_READ, 0xd000_0010L, 4, 41);
            assertFalse(first.vcpu().settle());
            first.expectWrite(MMIO_WRITE, 0xd000_0010L, 4, 42);
            assertTrue(first.vcpu().settle());
            first.expect(PIO_READ, 0x60, 1);
            assertTrue(first.vcpu().exit().count() <= 3);
            for (int i = 0; i < first.vcpu().exit().count(); i++) {
                first.vcpu().exit().complete(i, 0xa0 + i);
            }
            final int done = first.vcpu().exit().count();
            assertTrue(first.vcpu().settle());
            assertEquals(3 - done, first.vcpu().snapshot().general().rcx());
            try (TestMachine second = first.restored(X86Engine::create)) {
                for (int left = 3 - done; left > 0; left -= second.vcpu().exit().count()) {
                    second.expect(PIO_READ, 0x60, 1);
                }
                second.expect(PIO_WRITE, 0x80, 1);
                assertEquals((byte) 0xa0, second.ramByte(0x2000));
            }
        }
    }

    /** A long string to a port that is answered at once: a pause does not wait for its end. */
    @Test
    void aRepeatedInstructionStandsBetweenTwoItems() {
        try (TestMachine first = protected32("""
                b9 00 00 01 00        ; mov ecx, 0x10000
                be 00 20 00 00        ; mov esi, 0x2000
                66 ba 80 00           ; mov dx, 0x80
                f3 6e                 ; rep outsb
                e6 81                 ; out 0x81, al
                """)) {
            first.expect(PIO_WRITE, 0x80, 1);
            final int done = first.vcpu().exit().count();
            assertTrue(first.vcpu().settle());
            assertEquals(0x10000 - done, first.vcpu().snapshot().general().rcx());
            try (TestMachine second = first.restored(X86Engine::create)) {
                int left = 0x10000 - done;
                while (left > 0) {
                    second.expect(PIO_WRITE, 0x80, 1);
                    left -= second.vcpu().exit().count();
                }
                second.expect(PIO_WRITE, 0x81, 1);
            }
        }
    }

    /** Items that go out one by one are answered at once where the board does so: a pause ends that, too. */
    @Test
    void aStringThatIsAnsweredAtOnceStandsBetweenTwoItems() {
        try (TestMachine first = protected32("""
                b9 00 00 01 00        ; mov ecx, 0x10000
                be 00 20 00 00        ; mov esi, 0x2000
                66 ba 80 00           ; mov dx, 0x80
                fd                    ; std: downwards items do not go out together
                81 c6 00 00 02 00     ; add esi, 0x20000
                f3 6e                 ; rep outsb
                """)) {
            final AtomicLong written = new AtomicLong();
            first.vcpu().answerPorts(new PortHandler() {
                @Override
                public long readPort(int port, int widthBytes) {
                    return 0;
                }

                @Override
                public void writePort(int port, int widthBytes, long value) {
                    if (written.incrementAndGet() == 1000) {
                        first.vcpu().kick();
                    }
                }
            });
            // As VcpuLoop does: the exit that the kick lets out is answered, then the processor has to stand still.
            ExitKind kind = first.vcpu().run();
            while (kind == PIO_WRITE && written.get() < 1000) {
                written.addAndGet(first.vcpu().exit().count());
                kind = first.vcpu().run();
            }
            if (kind == PIO_WRITE) {
                written.addAndGet(first.vcpu().exit().count());
            }
            assertTrue(first.vcpu().settle());
            assertTrue(written.get() < 4_000, written + " items");
            assertEquals(0x10000, first.vcpu().snapshot().general().rcx() + written.get());
        }
    }

    /** The time-stamp counter does not jump by the time for which there was no machine, and a timer has left what it had left. */
    @Test
    void timeStandsStillBetweenTwoMachines() throws Exception {
        try (TestMachine first = protected32("""
                c7 05 f0 00 e0 fe ff 01 00 00  ; LAPIC spurious vector: enable
                c7 05 e0 03 e0 fe 0b 00 00 00  ; divide by 1
                c7 05 20 03 e0 fe 40 00 00 00  ; timer: one-shot, vector 40
                c7 05 80 03 e0 fe 00 00 00 70  ; initial count: 1.9 s
                e6 80                          ; out 0x80, al
                0f 31                          ; rdtsc
                e7 81                          ; out 0x81, eax
                """ + SPIN)) {
            first.expect(PIO_WRITE, 0x80, 1);
            assertTrue(first.vcpu().settle());
            final MemorySegment state = first.state();
            final long savedNs = state.get(ValueLayout.JAVA_LONG_UNALIGNED, 0);
            final X86Engine saved = (X86Engine) first.engine;
            final long before = saved.cpu(0).tsc();
            TimeUnit.MILLISECONDS.sleep(20);
            try (TestMachine second = first.restored(X86Engine::create)) {
                TimeUnit.MILLISECONDS.sleep(1);
                second.engine.loadState(state);
                final X86Engine loaded = (X86Engine) second.engine;
                final long counted = loaded.cpu(0).tsc() - before;
                final long now = loaded.cpu(0).time.nowNs();
                assertTrue(now >= savedNs && counted < now - savedNs + 1_000_000, "tsc");
                final long offset = 408
                        + X86StateLayout.VCPU_V1.byteOffset(PathElement.groupElement("apic"))
                        + ControllerLayout.LOCAL_APIC_V1.byteOffset(PathElement.groupElement("timerStartNs"));
                final long start = state.get(ValueLayout.JAVA_LONG_UNALIGNED, offset);
                assertEquals(start + 0x7000_0000L, loaded.cpu(0).interrupts.nextDeadlineNs());
                second.expect(PIO_WRITE, 0x81, 4);
            }
        }
    }

    /** A signal of before is in the state, and not in the eventfd, whether the watching thread has been quick or not. */
    @Test
    void whatHasBeenSignalledIsInTheState() {
        for (int i = 0; i < 50; i++) {
            try (EventFd line = EventFd.create();
                    TestMachine machine = protected32("fa f4")) { // cli; hlt
                machine.engine.attachInterrupt(4, line.fd(), null);
                line.signal();
                final MemorySegment state = machine.state();
                final long offset = 16
                        + ControllerLayout.CHIPSET_V1.byteOffset(
                                PathElement.groupElement("master"), PathElement.groupElement("IRR"));
                assertEquals(1 << 4, state.get(ValueLayout.JAVA_BYTE, offset));
                assertEquals(0, line.drain());
            }
        }
    }

    @Test
    void stateOfAnotherMachineIsRefused() {
        try (TestMachine one = protected32(SPIN);
                TestMachine two = TestMachine.start(X86Engine::create, 2, BootState.pvh(CODE, 0, 0, 0), SPIN)) {
            final MemorySegment state = one.state();
            assertThrows(IllegalArgumentException.class, () -> two.engine.loadState(state));
            final byte[] before = two.state().toArray(ValueLayout.JAVA_BYTE);
            final MemorySegment spoilt = two.state();
            // The last field of the last processor: all before it has been taken over by then.
            spoilt.set(ValueLayout.JAVA_LONG_UNALIGNED, spoilt.byteSize() - 8, 1);
            spoilt.set(ValueLayout.JAVA_LONG_UNALIGNED, 408 + 8, 77); // RAX
            assertThrows(IllegalArgumentException.class, () -> two.engine.loadState(spoilt));
            final MemorySegment after = two.state();
            after.set(ValueLayout.JAVA_LONG_UNALIGNED, 0, 0);
            MemorySegment.ofArray(before).set(ValueLayout.JAVA_LONG_UNALIGNED, 0, 0);
            assertEquals(-1, after.mismatch(MemorySegment.ofArray(before)));
        }
    }

    /** What is not refused runs: into nonsense, but never out of the engine. */
    @Test
    void anyBytesEitherLoadAndRunOrAreRefused() {
        final long seed = TestSeed.next();
        final Random random = new Random(seed);
        try (TestMachine machine = protected32(SPIN)) {
            final byte[] good = machine.state().toArray(ValueLayout.JAVA_BYTE);
            int loaded = 0;
            for (int i = 0; i < 3_000; i++) {
                final byte[] bytes = good.clone();
                for (int j = random.nextInt(4); j >= 0; j--) {
                    bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
                }
                try {
                    machine.engine.loadState(MemorySegment.ofArray(bytes));
                } catch (IllegalArgumentException e) {
                    assertTrue(String.valueOf(e.getMessage()).startsWith("not the state"), e.getMessage());
                    continue;
                }
                loaded++;
                machine.vcpu().kick();
                for (int exits = 0; exits < 3; exits++) {
                    final ExitKind kind = runBriefly(machine.vcpu());
                    assertTrue(
                            kind != ExitKind.INTERNAL_ERROR,
                            () -> machine.vcpu().exit().failure());
                }
            }
            assertTrue(loaded > 300, "loaded " + loaded);
        }
    }

    private static ExitKind runBriefly(Vcpu vcpu) {
        vcpu.settle();
        final Thread kicker = Thread.ofPlatform().start(vcpu::kick);
        try {
            return vcpu.run();
        } finally {
            try {
                kicker.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
