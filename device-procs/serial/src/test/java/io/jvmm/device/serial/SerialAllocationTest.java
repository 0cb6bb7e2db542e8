package io.jvmm.device.serial;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.jvmm.device.api.ScratchMachine;
import io.jvmm.ipc.Allocations;
import org.junit.jupiter.api.Test;

/** The pure core allocates nothing, whatever the guest and the host do. */
class SerialAllocationTest {

    @Test
    void noAllocationInTheCore() {
        UartBench bench = new UartBench().configured(0x80);
        bench.out(1, 0x0F);
        run(bench, 20_000);
        Allocations.assertNoneIn("the core", () -> run(bench, 20_000));
    }

    private static void run(UartBench bench, int rounds) {
        for (int i = 0; i < rounds; i++) {
            for (int register = 1; register < 8; register++) {
                bench.core.read(0, register, 1, bench.nowNs);
            }
            bench.core.write(0, 0, 1, 'x', bench.nowNs);
            bench.core.hostOutputDone(0, bench.core.hostOutput(0, bench.scratch, 0, 16), bench.nowNs);
            bench.core.hostInput(0, i & 0xFF, bench.nowNs);
            bench.core.hostBreak(0, bench.nowNs);
            bench.nowNs += 500_000;
            if (bench.core.nextDeadlineNs() <= bench.nowNs) {
                bench.core.timer(bench.nowNs);
            }
            bench.core.read(0, 0, 1, bench.nowNs);
            bench.core.write(0, 4, 1, 0x1B, bench.nowNs);
            bench.core.write(0, 0, 1, 'l', bench.nowNs);
            bench.core.write(0, 4, 1, 0x0B, bench.nowNs);
            bench.core.read(0, 0, 1, bench.nowNs);
            bench.core.hostCarrier(0, (i & 1) == 0, bench.nowNs);
        }
    }

    @Test
    void theScratchMachineSeesTheSameBytes() {
        SerialDevice device = new SerialDevice();
        ScratchMachine machine = new ScratchMachine(device, device.exampleConfig());
        machine.write(0, 0, 1, 'z');
        assertEquals("z", machine.takeOutput(0));
    }
}
