package io.jvmm.vcpu.x86;

import static io.jvmm.vcpu.engine.ExitKind.MMIO_READ;
import static io.jvmm.vcpu.engine.ExitKind.MMIO_WRITE;
import static io.jvmm.vcpu.engine.ExitKind.PIO_READ;
import static io.jvmm.vcpu.engine.ExitKind.PIO_WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.sys.EventFd;
import io.jvmm.vcpu.engine.ExitKind;
import io.jvmm.vcpu.engine.TestMachine;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Instructions with several accesses to the board: each access comes out once, in order. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class DeviceBusTest {
    private static TestMachine protected32(String code) {
        return TestMachine.protected32(X86Engine::create, code);
    }

    @Test
    void readModifyWrite() {
        try (TestMachine machine = protected32("""
                b8 05 00 00 00        ; mov eax, 5
                01 05 10 00 00 d0     ; add [0xd0000010], eax
                01 05 10 00 00 d0     ; add [0xd0000010], eax
                e6 80                 ; out 0x80, al
                """)) {
            machine.expectRead(MMIO_READ, 0xd000_0010L, 4, 100);
            machine.expectWrite(MMIO_WRITE, 0xd000_0010L, 4, 105);
            machine.expectRead(MMIO_READ, 0xd000_0010L, 4, 7);
            machine.expectWrite(MMIO_WRITE, 0xd000_0010L, 4, 12);
            machine.expect(PIO_WRITE, 0x80, 1);
        }
    }

    /** With LOCK and XCHG too: one read, whose answer may be different each time, and one write. */
    @Test
    void lockedReadModifyWrite() {
        try (TestMachine machine = protected32("""
                b8 05 00 00 00        ; mov eax, 5
                f0 01 05 10 00 00 d0  ; lock add [0xd0000010], eax
                f0 ff 05 10 00 00 d0  ; lock inc dword [0xd0000010]
                87 05 10 00 00 d0     ; xchg [0xd0000010], eax
                f0 0f c1 05 10 00 00 d0 ; lock xadd [0xd0000010], eax
                e6 80                 ; out 0x80, al
                """)) {
            machine.expectRead(MMIO_READ, 0xd000_0010L, 4, 100);
            machine.expectWrite(MMIO_WRITE, 0xd000_0010L, 4, 105);
            machine.expectRead(MMIO_READ, 0xd000_0010L, 4, 7);
            machine.expectWrite(MMIO_WRITE, 0xd000_0010L, 4, 8);
            machine.expectRead(MMIO_READ, 0xd000_0010L, 4, 3);
            machine.expectWrite(MMIO_WRITE, 0xd000_0010L, 4, 5);
            machine.expectRead(MMIO_READ, 0xd000_0010L, 4, 40);
            machine.expectWrite(MMIO_WRITE, 0xd000_0010L, 4, 43);
            machine.expectWrite(PIO_WRITE, 0x80, 1, 40);
        }
    }

    @Test
    void repeatedMovesFromDeviceToDevice() {
        try (TestMachine machine = protected32("""
                be 00 00 00 d0        ; mov esi, 0xd0000000
                bf 00 00 00 d1        ; mov edi, 0xd1000000
                b9 03 00 00 00        ; mov ecx, 3
                f3 a5                 ; rep movsd
                e6 80                 ; out 0x80, al
                """)) {
            for (int i = 0; i < 3; i++) {
                machine.expectRead(MMIO_READ, 0xd000_0000L + 4L * i, 4, 0x1111L * (i + 1));
                machine.expectWrite(MMIO_WRITE, 0xd100_0000L + 4L * i, 4, 0x1111L * (i + 1));
            }
            machine.expect(PIO_WRITE, 0x80, 1);
        }
    }

    /** Where source and destination stay the same, only RCX tells one item from the next. */
    @Test
    void repeatedPortReadsIntoADevice() {
        try (TestMachine machine = protected32("""
                ba f0 01 00 00        ; mov edx, 0x1f0
                bf 00 00 00 d0        ; mov edi, 0xd0000000
                b9 02 00 00 00        ; mov ecx, 2
                f3 6c                 ; rep insb
                e6 80                 ; out 0x80, al
                """)) {
            machine.expectRead(PIO_READ, 0x1f0, 1, 0x41);
            machine.expectWrite(MMIO_WRITE, 0xd000_0000L, 1, 0x41);
            machine.expectRead(PIO_READ, 0x1f0, 1, 0x42);
            machine.expectWrite(MMIO_WRITE, 0xd000_0001L, 1, 0x42);
            machine.expect(PIO_WRITE, 0x80, 1);
        }
    }

    /** The answered instruction ends before anything else happens, be it a kick. */
    @Test
    void aKickDoesNotLoseAnAnswer() {
        try (TestMachine machine = protected32("""
                e4 60                 ; in al, 0x60
                e6 80                 ; out 0x80, al
                """)) {
            machine.expectRead(PIO_READ, 0x60, 1, 0x5a);
            machine.vcpu().kick();
            assertEquals(ExitKind.KICKED, machine.vcpu().run());
            assertEquals(0x5a, machine.vcpu().snapshot().general().rax() & 0xff);
            machine.expectWrite(PIO_WRITE, 0x80, 1, 0x5a);
        }
    }

    /** After settling in the middle of an instruction its next access is still told. */
    @Test
    void settlingBetweenTwoAccessesOfAnInstruction() {
        try (TestMachine machine = protected32("83 05 10 00 00 d0 01 e6 80")) { // add dword [0xd0000010], 1
            machine.expectRead(MMIO_READ, 0xd000_0010L, 4, 41);
            machine.vcpu().settle();
            machine.expectWrite(MMIO_WRITE, 0xd000_0010L, 4, 42);
            machine.vcpu().settle();
            machine.expect(PIO_WRITE, 0x80, 1);
        }
    }

    @Test
    void doorbellsAreFoundAmongOthers() {
        try (Doorbells bells = new Doorbells();
                EventFd a = EventFd.create();
                EventFd b = EventFd.create()) {
            bells.add(false, 0x3000, 2, false, 7, EventFd.of(a.fd().duplicate()));
            bells.add(false, 0x1000, 4, true, 0, EventFd.of(b.fd().duplicate()));
            bells.add(false, 0x3000, 2, false, 8, EventFd.of(b.fd().duplicate()));
            bells.add(true, 0x3000, 2, true, 0, EventFd.of(a.fd().duplicate()));
            assertTrue(bells.ring(false, 0x3000, 2, 8));
            assertEquals(1, b.drain());
            assertTrue(bells.ring(false, 0x3000, 2, 7));
            assertTrue(bells.ring(true, 0x3000, 2, 99));
            assertEquals(2, a.drain());
            assertEquals(false, bells.ring(false, 0x3000, 4, 7));
            assertEquals(false, bells.ring(false, 0x3000, 2, 9));
            assertEquals(false, bells.ring(true, 0x1000, 4, 0));
        }
    }

    @Test
    void theSameLifeEveryTime() {
        final long[] ends = new long[2];
        for (int i = 0; i < 2; i++) {
            try (TestMachine machine = TestMachine.protected32(_ -> X86Engine.createDeterministic(), """
                    b9 10 27 00 00        ; mov ecx, 10000
                    e2 fe                 ; loop
                    0f 31                 ; rdtsc
                    e7 80                 ; out 0x80, eax
                    """)) {
                machine.expect(PIO_WRITE, 0x80, 4);
                ends[i] = machine.vcpu().exit().value(0);
            }
        }
        assertEquals(ends[0], ends[1]);
    }
}
