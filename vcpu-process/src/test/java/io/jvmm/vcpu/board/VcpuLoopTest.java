package io.jvmm.vcpu.board;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.Allocations;
import io.jvmm.ipc.counters.BoardCounter;
import io.jvmm.ipc.message.StopCause;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.vcpu.engine.ExitKind;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class VcpuLoopTest {
    private static final long TIMEOUT_NS = 1_000_000_000L;

    private long written;
    private int writes;

    private final RegisterTarget device = new RegisterTarget() {
        private long n;

        @Override
        public long read(int vcpuIndex, int region, int offset, int widthBytes) {
            return n++ & 0xFF;
        }

        @Override
        public void write(int vcpuIndex, int region, int offset, int widthBytes, long value) {
            written = value;
            writes++;
        }
    };

    private final AddressMap ports = AddressMap.builder(WindowSpec.Space.PIO)
            .window(WindowSpec.parse("pio:3f8:8"), "com1", device, 0)
            .build();
    private final AddressMap memory = AddressMap.builder(WindowSpec.Space.MMIO)
            .window(WindowSpec.parse("mmio:fed00000:1000"), "x", device, 0)
            .build();

    private VcpuLoop loop(ScriptedVcpu vcpu) {
        final RunGate gate = new RunGate();
        gate.set(RunGate.Wanted.RUN);
        return new VcpuLoop(vcpu, new Board.Maps(ports, memory), gate, EventFd.create(), TIMEOUT_NS, new Counters());
    }

    private static void play(VcpuLoop loop, ScriptedVcpu vcpu, int steps) {
        for (int i = 0; i < steps; i++) {
            loop.handle(vcpu.run());
        }
    }

    @Test
    void stringPortInstructionsGoItemByItem() {
        final ScriptedVcpu vcpu = new ScriptedVcpu(
                0,
                true,
                new ScriptedVcpu.Step(ExitKind.PIO_READ, 0x3F8, 1, 5, 0),
                new ScriptedVcpu.Step(ExitKind.PIO_WRITE, 0x3F8, 2, 3, 0x100));
        final VcpuLoop loop = loop(vcpu);
        play(loop, vcpu, 2);
        assertEquals(5, vcpu.completions);
        assertEquals(4, vcpu.completed[4]);
        assertEquals(3, writes);
        assertEquals(0x102, written);
        assertEquals(1, loop.counters().get(BoardCounter.PIO_READS));
        assertEquals(6, loop.counters().get(BoardCounter.STRING_ITEMS));
    }

    /** 20 ms for the exit and 0.1 for each of 200 items: a device that sleeps 5 ms for each is given up after eight or so. */
    @Test
    void allItemsOfAStringShareOneDeadline() {
        final int[] slow = new int[1];
        final boolean[] givenUp = new boolean[1];
        final RegisterTarget dawdler = new RegisterTarget() {
            @Override
            public long read(int vcpuIndex, int region, int offset, int widthBytes) {
                dawdle();
                return 1;
            }

            @Override
            public void write(int vcpuIndex, int region, int offset, int widthBytes, long value) {
                dawdle();
            }

            private void dawdle() {
                if (!givenUp[0]) {
                    slow[0]++;
                    final long until = System.nanoTime() + 5_000_000;
                    while (System.nanoTime() < until) {
                        Thread.onSpinWait();
                    }
                }
            }

            @Override
            public void giveUp(long waitedNs) {
                givenUp[0] = true;
            }
        };
        final AddressMap map = AddressMap.builder(WindowSpec.Space.PIO)
                .window(WindowSpec.parse("pio:3f8:8"), "slow", dawdler, 0)
                .build();
        final RunGate gate = new RunGate();
        gate.set(RunGate.Wanted.RUN);
        for (ExitKind kind : new ExitKind[] {ExitKind.PIO_READ, ExitKind.PIO_WRITE}) {
            slow[0] = 0;
            givenUp[0] = false;
            final ScriptedVcpu vcpu = new ScriptedVcpu(0, false, new ScriptedVcpu.Step(kind, 0x3F8, 1, 200, 0));
            final VcpuLoop loop =
                    new VcpuLoop(vcpu, new Board.Maps(map, memory), gate, EventFd.create(), 20_000_000, new Counters());
            play(loop, vcpu, 1);
            assertTrue(givenUp[0]);
            assertTrue(slow[0] <= 9, kind + ": " + slow[0] + " items waited for");
        }
    }

    @Test
    void exitsAllocateNothing() {
        final ScriptedVcpu vcpu = new ScriptedVcpu(
                0,
                true,
                ScriptedVcpu.in(0x3F8, 1),
                ScriptedVcpu.out(0x3F9, 1, 7),
                ScriptedVcpu.in(0x80, 4),
                ScriptedVcpu.in(0x3FE, 4),
                ScriptedVcpu.out(0x3FE, 4, 1),
                new ScriptedVcpu.Step(ExitKind.PIO_READ, 0x3F8, 1, 100, 0),
                new ScriptedVcpu.Step(ExitKind.MMIO_READ, 0xFED0_0010L, 8, 1, 0),
                new ScriptedVcpu.Step(ExitKind.MMIO_WRITE, 0xFED0_0FFEL, 4, 1, 0),
                ScriptedVcpu.of(ExitKind.KICKED));
        final VcpuLoop loop = loop(vcpu);
        play(loop, vcpu, 90_000);
        Allocations.assertNoneIn("exits", () -> play(loop, vcpu, 90_000));
    }

    @Test
    void aTripleFaultIsReportedWithRegistersAndCode() {
        final ScriptedVcpu vcpu = new ScriptedVcpu(1, false, ScriptedVcpu.of(ExitKind.SHUTDOWN));
        final VcpuLoop loop = loop(vcpu);
        assertFalse(loop.handle(vcpu.run()));
        final StopReport report = told(loop.report());
        assertEquals(StopCause.CRASHED, report.cause());
        assertEquals(1, report.vcpu());
        assertEquals(0x1234, report.rip());
        assertTrue(report.text().contains("code  0f 0b"), report.text());
    }

    @Test
    void anEngineFailureIsReported() {
        for (final ExitKind kind : new ExitKind[] {ExitKind.EMULATION_FAILURE, ExitKind.INTERNAL_ERROR}) {
            final ScriptedVcpu vcpu = new ScriptedVcpu(0, false, ScriptedVcpu.of(kind));
            final VcpuLoop loop = loop(vcpu);
            assertFalse(loop.handle(vcpu.run()));
            final StopReport report = told(loop.report());
            assertEquals(StopCause.ENGINE_ERROR, report.cause());
            assertTrue(report.text().contains("0f 0b"), report.text());
        }
    }

    private static StopReport told(@Nullable StopReport report) {
        return Objects.requireNonNull(report);
    }
}
