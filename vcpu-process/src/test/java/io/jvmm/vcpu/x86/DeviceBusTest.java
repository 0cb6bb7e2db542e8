package io.jvmm.vcpu.x86;

import static io.jvmm.vcpu.engine.ExitKind.MMIO_READ;
import static io.jvmm.vcpu.engine.ExitKind.MMIO_WRITE;
import static io.jvmm.vcpu.engine.ExitKind.PIO_READ;
import static io.jvmm.vcpu.engine.ExitKind.PIO_WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.Allocations;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.vcpu.engine.BootState;
import io.jvmm.vcpu.engine.ExitKind;
import io.jvmm.vcpu.engine.PortHandler;
import io.jvmm.vcpu.engine.TestMachine;
import io.jvmm.vcpu.engine.Vcpu;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Instructions with several accesses to the board: each access comes out once, in order. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class DeviceBusTest {
    private static TestMachine protected32(String code) {
        return TestMachine.protected32(X86Engine::create, code);
    }

    /** The first 2 MiB mapped one to one. */
    private static TestMachine long64(String code) {
        final TestMachine machine = TestMachine.start(
                X86Engine::create, 1, BootState.linux64(TestMachine.CODE, 0, 0x8000, 0x1_0000, 0, 0), code);
        machine.ram.segment().set(ValueLayout.JAVA_LONG, 0x1_0000, 0x1_1003);
        machine.ram.segment().set(ValueLayout.JAVA_LONG, 0x1_1000, 0x1_2003);
        machine.ram.segment().set(ValueLayout.JAVA_LONG, 0x1_2000, 0x83);
        return machine;
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

    /** In 64-bit mode what lies in one page goes in one exit; what is left of a page goes in the next. */
    @Test
    void portStringsAreOneExitAPage() {
        try (TestMachine machine = long64("""
                ba f0 01 00 00        ; mov edx, 0x1f0
                bf fa 2f 00 00        ; mov edi, 0x2ffa
                b9 05 00 00 00        ; mov ecx, 5
                f3 66 6d              ; rep insw
                be fa 2f 00 00        ; mov esi, 0x2ffa
                b9 05 00 00 00        ; mov ecx, 5
                f3 66 6f              ; rep outsw
                89 f8                 ; mov eax, edi
                e6 80                 ; out 0x80, al
                """)) {
            machine.expect(PIO_READ, 0x1f0, 2);
            assertEquals(3, machine.vcpu().exit().count());
            for (int i = 0; i < 3; i++) {
                machine.vcpu().exit().complete(i, 0x1110L + i);
            }
            machine.expect(PIO_READ, 0x1f0, 2);
            assertEquals(2, machine.vcpu().exit().count());
            for (int i = 0; i < 2; i++) {
                machine.vcpu().exit().complete(i, 0x2220L + i);
            }
            machine.expect(PIO_WRITE, 0x1f0, 2);
            assertEquals(3, machine.vcpu().exit().count());
            for (int i = 0; i < 3; i++) {
                assertEquals(0x1110 + i, machine.vcpu().exit().value(i));
            }
            machine.expect(PIO_WRITE, 0x1f0, 2);
            assertEquals(2, machine.vcpu().exit().count());
            assertEquals(0x2221, machine.vcpu().exit().value(1));
            machine.expectWrite(PIO_WRITE, 0x80, 1, 0x04);
        }
    }

    /** A task switch (SDM 3A 8.3) that begins anew for each field of its new TSS. */
    @Test
    void aTaskWhoseSegmentIsADevice() {
        final ByteBuffer tss = ByteBuffer.allocate(0x68).order(ByteOrder.LITTLE_ENDIAN);
        // EIP, EFLAGS, EAX; ES CS SS DS
        tss.putInt(0x20, 0x1800).putInt(0x24, 2).putInt(0x28, 0x5a);
        tss.putInt(0x48, 0x10).putInt(0x4c, 8).putInt(0x50, 0x10).putInt(0x54, 0x10);
        try (TestMachine machine = protected32("""
                0f 01 15 00 20 00 00  ; lgdt [0x2000]
                66 b8 18 00           ; mov ax, 0x18
                0f 00 d8              ; ltr ax
                ea 00 00 00 00 20 00  ; jmp 0x20:0
                """)) {
            machine.put(0x1800, "e6 80"); // out 0x80, al
            machine.put(0x2000, "27 00 00 21 00 00");
            machine.put(0x2108, "ff ff 00 00 00 9b cf 00  ff ff 00 00 00 93 cf 00");
            machine.put(0x2118, "67 00 00 30 00 89 00 00  67 00 00 00 00 89 00 d0");
            ExitKind kind = machine.run();
            while (kind == MMIO_READ || kind == MMIO_WRITE) {
                final var exit = machine.vcpu().exit();
                final int at = (int) (exit.address() - 0xd000_0000L);
                if (kind == MMIO_READ) {
                    exit.complete(0, exit.widthBytes() == 2 ? tss.getShort(at) & 0xffff : tss.getInt(at));
                }
                kind = machine.run();
            }
            assertEquals(PIO_WRITE, kind);
            assertEquals(0x5a, machine.vcpu().exit().value(0));
            assertEquals((byte) 0x89, machine.ramByte(0x211d), "the old task is available");
            assertEquals((byte) 0x8b, machine.ramByte(0x2125), "the new one is busy");
            assertEquals(0x1015, machine.ram.segment().get(ValueLayout.JAVA_INT, 0x3020), "EIP saved");
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

    /** Answers 0x40 plus how many reads there were, and notes everything. */
    private static final class Ports implements PortHandler {
        final StringBuilder seen = new StringBuilder();
        Runnable meanwhile = () -> {};
        int reads;

        @Override
        public long readPort(int port, int widthBytes) {
            seen.append("in ")
                    .append(Integer.toHexString(port))
                    .append('/')
                    .append(widthBytes)
                    .append(' ');
            meanwhile.run();
            reads++;
            return 0xffff_ff00_0000_0040L + reads;
        }

        @Override
        public void writePort(int port, int widthBytes, long value) {
            seen.append("out ").append(Integer.toHexString(port)).append('/').append(widthBytes);
            seen.append('=').append(Long.toHexString(value)).append(' ');
            meanwhile.run();
        }
    }

    @Test
    void portsAreAnsweredWithinTheInstruction() {
        try (TestMachine machine = protected32("""
                ba f8 03 00 00        ; mov edx, 0x3f8
                b8 00 ff ff ff        ; mov eax, 0xffffff00
                ec                    ; in al, dx
                66 ef                 ; out dx, ax
                ed                    ; in eax, dx
                ef                    ; out dx, eax
                be 00 20 00 00        ; mov esi, 0x2000
                b9 03 00 00 00        ; mov ecx, 3
                f3 6e                 ; rep outsb
                a3 00 00 00 d0        ; mov [0xd0000000], eax
                """)) {
            machine.put(0x2000, "11 22 33");
            final Ports ports = new Ports();
            machine.vcpu().answerPorts(ports);
            machine.expectWrite(MMIO_WRITE, 0xd000_0000L, 4, 0x42);
            assertEquals(
                    "in 3f8/1 out 3f8/2=ff41 in 3f8/4 out 3f8/4=42 out 3f8/1=11 out 3f8/1=22 out 3f8/1=33 ",
                    ports.seen.toString());
        }
    }

    /** INS may store to a device: then the value that was read must not be lost, so it comes out, and once. */
    @Test
    void insComesOutAllTheSame() {
        try (TestMachine machine = protected32("""
                ba f0 01 00 00        ; mov edx, 0x1f0
                bf 00 00 00 d0        ; mov edi, 0xd0000000
                6c                    ; insb
                e4 60                 ; in al, 0x60
                a2 00 00 00 d0        ; mov [0xd0000000], al
                """)) {
            final Ports ports = new Ports();
            machine.vcpu().answerPorts(ports);
            machine.expectRead(PIO_READ, 0x1f0, 1, 0x77);
            machine.expectWrite(MMIO_WRITE, 0xd000_0000L, 1, 0x77);
            machine.expectWrite(MMIO_WRITE, 0xd000_0000L, 1, 0x41);
            assertEquals("in 60/1 ", ports.seen.toString());
        }
    }

    /** Whoever kicks waits for the access that is being answered, and for no other. */
    @Test
    void aKickWhileAPortIsAnsweredIsHeardAtTheNextAccess() {
        try (TestMachine machine = protected32("""
                e4 60                 ; in al, 0x60
                e6 80                 ; out 0x80, al
                e6 81                 ; out 0x81, al
                eb fe                 ; jmp $
                """)) {
            final Ports ports = new Ports();
            final Vcpu vcpu = machine.vcpu();
            vcpu.answerPorts(ports);
            ports.meanwhile = vcpu::kick;
            assertEquals(ExitKind.PIO_WRITE, vcpu.run());
            assertEquals("in 60/1 ", ports.seen.toString());
            assertEquals(0x80, vcpu.exit().address());
            assertEquals(0x41, vcpu.exit().value(0));
            ports.meanwhile = () -> {};
            vcpu.settle();
            assertEquals(TestMachine.CODE + 4, vcpu.snapshot().rip());
            assertEquals(ExitKind.KICKED, vcpu.run());
            assertEquals("in 60/1 ", ports.seen.toString(), "answered by its exit, and not again");
            vcpu.kick();
            assertEquals(ExitKind.KICKED, vcpu.run());
        }
    }

    /** A loop of accesses, translated soon, which nothing but a kick ends. */
    @Test
    void aLoopOfPortAccessesIsLeftByAKick() throws InterruptedException {
        try (TestMachine machine = protected32("""
                e4 60                 ; in al, 0x60
                e6 80                 ; out 0x80, al
                eb fa                 ; jmp -6
                """)) {
            final Ports ports = new Ports();
            ports.meanwhile = () -> ports.seen.setLength(0);
            final Vcpu vcpu = machine.vcpu();
            vcpu.answerPorts(ports);
            for (int i = 0; i < 20; i++) {
                final Thread kicker = Thread.ofPlatform().start(() -> {
                    LockSupport.parkNanos(5_000_000);
                    vcpu.kick();
                });
                ExitKind kind = vcpu.run();
                if (kind.isAccess()) {
                    vcpu.exit().complete(0, 0);
                    kind = vcpu.run();
                }
                assertEquals(ExitKind.KICKED, kind);
                kicker.join();
            }
            assertTrue(ports.reads > 20, "reads " + ports.reads);
        }
    }

    @Test
    void answeringPortsAllocatesNothing() {
        try (TestMachine machine = protected32("""
                b9 10 27 00 00        ; mov ecx, 10000
                e4 60                 ; in al, 0x60
                e6 80                 ; out 0x80, al
                e2 fa                 ; loop
                a2 00 00 00 d0        ; mov [0xd0000000], al
                eb ee                 ; jmp to the beginning
                """)) {
            machine.vcpu().answerPorts(new PortHandler() {
                @Override
                public long readPort(int port, int widthBytes) {
                    return 1;
                }

                @Override
                public void writePort(int port, int widthBytes, long value) {}
            });
            Allocations.assertNoneIn("ports", () -> assertSame(MMIO_WRITE, machine.run()));
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
