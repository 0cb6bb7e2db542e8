package io.jvmm.vcpu.engine;

import static io.jvmm.vcpu.engine.ExitKind.MMIO_READ;
import static io.jvmm.vcpu.engine.ExitKind.MMIO_WRITE;
import static io.jvmm.vcpu.engine.ExitKind.PIO_READ;
import static io.jvmm.vcpu.engine.ExitKind.PIO_WRITE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.Allocations;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

/** Exits with their values: what every engine does alike. Every guest here uses only instructions any KVM can run or emulate. */
public abstract class ExitsContract {
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

    @Test
    void portWritesCarryWidthAndValue() {
        try (TestMachine machine = real("""
                ba f8 03              ; mov dx, 0x3f8
                66 b8 78 56 34 12     ; mov eax, 0x12345678
                ee                    ; out dx, al
                ef                    ; out dx, ax
                66 ef                 ; out dx, eax
                e6 80                 ; out 0x80, al
                """)) {
            machine.expectWrite(PIO_WRITE, 0x3f8, 1, 0x78);
            machine.expectWrite(PIO_WRITE, 0x3f8, 2, 0x5678);
            machine.expectWrite(PIO_WRITE, 0x3f8, 4, 0x12345678);
            machine.expectWrite(PIO_WRITE, 0x80, 1, 0x78);
        }
    }

    @Test
    void portReadsReturnWhatWasCompleted() {
        try (TestMachine machine = real("""
                ba 70 00              ; mov dx, 0x70
                ec                    ; in al, dx
                a2 00 20              ; mov [0x2000], al
                ed                    ; in ax, dx
                a3 02 20              ; mov [0x2002], ax
                66 ed                 ; in eax, dx
                66 a3 04 20           ; mov [0x2004], eax
                e6 80                 ; out 0x80, al
                """)) {
            machine.expectRead(PIO_READ, 0x70, 1, 0xffff_ff5aL);
            machine.expectRead(PIO_READ, 0x70, 2, 0x1234);
            machine.expectRead(PIO_READ, 0x70, 4, 0xdead_beefL);
            machine.expectWrite(PIO_WRITE, 0x80, 1, 0xef);
            assertEquals(0x5a, machine.ramByte(0x2000));
            assertEquals(0x1234, machine.ram.segment().get(ValueLayout.JAVA_SHORT, 0x2002));
            assertEquals(0xdeadbeef, machine.ram.segment().get(ValueLayout.JAVA_INT, 0x2004));
        }
    }

    @Test
    void stringWritesArriveItemByItemInOrder() {
        try (TestMachine machine = real("""
                ba e9 00              ; mov dx, 0xe9
                be 00 20              ; mov si, 0x2000
                b9 05 00              ; mov cx, 5
                fc                    ; cld
                f3 6e                 ; rep outsb
                e6 80                 ; out 0x80, al
                """)) {
            machine.put(0x2000, "48 65 6c 6c 6f");
            final StringBuilder text = new StringBuilder();
            final ExitView exit = machine.vcpu().exit();
            while (text.length() < 5) {
                machine.expect(PIO_WRITE, 0xe9, 1);
                for (int i = 0; i < exit.count(); i++) {
                    text.append((char) exit.value(i));
                }
            }
            assertEquals("Hello", text.toString());
            machine.expect(PIO_WRITE, 0x80, 1);
        }
    }

    @Test
    void stringReadsAreCompletedItemByItem() {
        try (TestMachine machine = real("""
                ba f0 01              ; mov dx, 0x1f0
                bf 00 20              ; mov di, 0x2000
                b9 08 00              ; mov cx, 8
                fc                    ; cld
                f3 6d                 ; rep insw
                e6 80                 ; out 0x80, al
                """)) {
            int next = 0;
            final ExitView exit = machine.vcpu().exit();
            while (next < 8) {
                machine.expect(PIO_READ, 0x1f0, 2);
                for (int i = 0; i < exit.count(); i++) {
                    exit.complete(i, 0x1000 + next++);
                }
            }
            machine.expect(PIO_WRITE, 0x80, 1);
            for (int i = 0; i < 8; i++) {
                assertEquals(0x1000 + i, machine.ram.segment().get(ValueLayout.JAVA_SHORT, 0x2000 + 2 * i));
            }
        }
    }

    @Test
    void memoryMappedReadsAndWrites() {
        try (TestMachine machine = protected32("""
                a1 10 00 00 d0        ; mov eax, [0xd0000010]
                a3 14 00 00 d0        ; mov [0xd0000014], eax
                66 a3 18 00 00 d0     ; mov [0xd0000018], ax
                a2 1a 00 00 d0        ; mov [0xd000001a], al
                a0 11 00 00 d0        ; mov al, [0xd0000011]
                a2 1b 00 00 d0        ; mov [0xd000001b], al
                """)) {
            machine.expectRead(MMIO_READ, 0xd000_0010L, 4, 0xcafe_f00dL);
            machine.expectWrite(MMIO_WRITE, 0xd000_0014L, 4, 0xcafe_f00dL);
            machine.expectWrite(MMIO_WRITE, 0xd000_0018L, 2, 0xf00d);
            machine.expectWrite(MMIO_WRITE, 0xd000_001aL, 1, 0x0d);
            machine.expectRead(MMIO_READ, 0xd000_0011L, 1, 0x77);
            machine.expectWrite(MMIO_WRITE, 0xd000_001bL, 1, 0x77);
        }
    }

    @Test
    void longModeStartsWithPagingAndTheZeroPageInRsi() {
        try (TestMachine machine = start(1, BootState.linux64(TestMachine.CODE, 0x7000, 0x8000, 0x10000, 0, 0), """
                48 89 f0              ; mov rax, rsi
                48 a3 00 20 00 00 00 00 00 00  ; mov [0x2000], rax
                48 b8 88 77 66 55 44 33 22 11  ; mov rax, 0x1122334455667788
                48 a3 00 00 00 d0 00 00 00 00  ; mov [0xd0000000], rax
                e6 80                 ; out 0x80, al
                """)) {
            identityMap(machine);
            machine.expectWrite(MMIO_WRITE, 0xd000_0000L, 8, 0x1122334455667788L);
            machine.expectWrite(PIO_WRITE, 0x80, 1, 0x88);
            assertEquals(0x7000, machine.ram.segment().get(ValueLayout.JAVA_LONG, 0x2000));
            final VcpuRegisters registers = machine.vcpu().snapshot();
            assertEquals("long mode", registers.modeName());
            assertEquals(0x8000, registers.general().rsp());
            assertEquals(0x10000, registers.cr3());
            assertArrayEquals(
                    TestMachine.bytes("48 89 f0 48 a3"), machine.vcpu().readLinear(TestMachine.CODE, 5));
        }
    }

    @Test
    void memoryAboveTheHoleIsReachedInLongMode() {
        try (TestMachine machine = start(1, BootState.linux64(TestMachine.CODE, 0, 0x8000, 0x10000, 0, 0), """
                48 b8 88 77 66 55 44 33 22 11  ; mov rax, 0x1122334455667788
                48 a3 08 00 00 00 01 00 00 00  ; mov [0x100000008], rax
                e6 80                 ; out 0x80, al
                """)) {
            identityMap(machine);
            machine.engine.mapMemory(1, 1L << 32, 0x10000, machine.ram.segment().asSlice(0x60000, 0x10000), false);
            machine.expect(PIO_WRITE, 0x80, 1);
            assertEquals(0x1122334455667788L, machine.ram.segment().get(ValueLayout.JAVA_LONG, 0x60008));
        }
    }

    /** PML4 at 0x10000, PDPT at 0x11000, five page directories of 2 MiB pages from 0x12000 on: 0 to 5 GiB. */
    private static void identityMap(TestMachine machine) {
        machine.ram.segment().set(ValueLayout.JAVA_LONG, 0x10000, 0x11003);
        for (int gib = 0; gib < 5; gib++) {
            machine.ram.segment().set(ValueLayout.JAVA_LONG, 0x11000 + 8L * gib, 0x12003 + 0x1000L * gib);
            for (int i = 0; i < 512; i++) {
                machine.ram
                        .segment()
                        .set(ValueLayout.JAVA_LONG, 0x12000 + 0x1000L * gib + 8L * i, ((gib * 512L + i) << 21) | 0x83);
            }
        }
    }

    @Test
    void aSnapshotFinishesThePendingAccessFirst() {
        try (TestMachine machine = real("""
                b8 34 12              ; mov ax, 0x1234
                e4 60                 ; in al, 0x60
                f4                    ; hlt
                """)) {
            machine.expectRead(PIO_READ, 0x60, 1, 0x99);
            final VcpuRegisters registers = machine.vcpu().snapshot();
            assertEquals(0x1299, registers.general().rax() & 0xffff);
            assertEquals(TestMachine.CODE + 5, registers.rip());
            assertEquals("real mode", registers.modeName());
        }
    }

    @Test
    void readOnlyMemoryTurnsWritesIntoExits() {
        try (TestMachine machine = protected32("""
                a1 04 00 00 e0        ; mov eax, [0xe0000004]
                a3 08 00 00 e0        ; mov [0xe0000008], eax
                """)) {
            machine.put(0x40004, "11 22 33 44");
            machine.engine.mapMemory(
                    1, 0xe000_0000L, 4096, machine.ram.segment().asSlice(0x40000, 4096), true);
            machine.expectWrite(MMIO_WRITE, 0xe000_0008L, 4, 0x44332211);
        }
    }

    @Test
    void aTripleFaultIsAShutdownWithReadableRegisters() {
        // Long mode with an empty IDT: UD2 raises #UD, which cannot be delivered, nor can the double fault.
        try (TestMachine machine = protected32("""
                b8 ef be ad de        ; mov eax, 0xdeadbeef
                0f 0b                 ; ud2
                """)) {
            final ExitKind kind = machine.run();
            assertTrue(
                    kind == ExitKind.SHUTDOWN,
                    () -> kind + " " + machine.vcpu().exit().failure());
            final VcpuRegisters registers = machine.vcpu().snapshot();
            assertEquals(0xdeadbeefL, registers.general().rax());
            assertTrue(registers.format().contains("RAX    00000000deadbeef"), registers::format);
        }
    }

    @Test
    void exitsAllocateNothing() {
        try (TestMachine machine = real("""
                ba f8 03              ; mov dx, 0x3f8
                ee                    ; out dx, al
                ec                    ; in al, dx
                eb fc                 ; jmp -4
                """)) {
            Allocations.assertNoneIn("exits", () -> loop(machine, 4_000));
        }
    }

    /** Runs so many exits. */
    public static long loop(TestMachine machine, int exits) {
        final ExitView exit = machine.vcpu().exit();
        long sum = 0;
        for (int i = 0; i < exits; i++) {
            switch (machine.vcpu().run()) {
                case PIO_READ -> exit.complete(0, i);
                case PIO_WRITE -> sum += exit.value(0) + exit.address();
                default -> throw new AssertionError(exit.failure());
            }
        }
        return sum;
    }
}
