package io.jvmm.vcpu.x86;

import static io.jvmm.vcpu.engine.ExitKind.MMIO_WRITE;
import static io.jvmm.vcpu.engine.ExitKind.PIO_WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.jvmm.ipc.sys.Mapping;
import io.jvmm.vcpu.engine.TestMachine;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

/** Pages of c0000..fffff that are locked and unlocked while the processor runs: {@code Engine.lockRomArea}. */
class RomAreaTest {
    private static final long AREA = 0xC0000;
    private static final int AREA_BYTES = 256 << 10;

    /** Writes to c4ffe and across to c5000 what DX counts; a port write each round. */
    private static final String CODE = """
            b8 00 c0 8e d8        ; mov ax, 0xc000; mov ds, ax
            31 d2                 ; xor dx, dx
            42                    ; inc dx
            89 16 fe 4f           ; mov [0x4ffe], dx
            89 16 00 50           ; mov [0x5000], dx
            a1 fe 4f              ; mov ax, [0x4ffe]
            e7 80                 ; out 0x80, ax
            eb f0                 ; jmp inc
            """;

    private static void round(TestMachine machine, int expected) {
        machine.expectWrite(PIO_WRITE, 0x80, 2, expected);
    }

    @Test
    void lockedPagesAreReadAndNotWritten() {
        try (TestMachine machine = TestMachine.real(X86Engine::create, CODE);
                Mapping area = Mapping.anonymous(AREA_BYTES)) {
            machine.engine.mapMemory(1, AREA, AREA_BYTES, area.segment(), false);
            round(machine, 1);
            round(machine, 2);
            machine.engine.lockRomArea(1L << 4);
            machine.expectWrite(MMIO_WRITE, AREA + 0x4FFE, 2, 3);
            round(machine, 2);
            machine.expectWrite(MMIO_WRITE, AREA + 0x4FFE, 2, 4);
            round(machine, 2);
            assertEquals(4, area.segment().get(ValueLayout.JAVA_SHORT, 0x5000), "the page behind is not locked");
            machine.engine.lockRomArea(1L << 5 | 1L << 63);
            machine.expectWrite(MMIO_WRITE, AREA + 0x5000, 2, 5);
            round(machine, 5);
            machine.engine.lockRomArea(0);
            for (int n = 6; n < 3000; n++) {
                round(machine, n);
            }
            // By now it is translated.
            machine.engine.lockRomArea(-1);
            machine.expectWrite(MMIO_WRITE, AREA + 0x4FFE, 2, 3000);
            machine.expectWrite(MMIO_WRITE, AREA + 0x5000, 2, 3000);
            round(machine, 2999);
        }
    }
}
