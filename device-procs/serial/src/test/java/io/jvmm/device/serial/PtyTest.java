package io.jvmm.device.serial;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.jvmm.device.api.Backend;
import io.jvmm.device.api.HostEvents;
import io.jvmm.device.api.HostStreams;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.Syscall;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A real pty: users come and go, nothing is lost but what is too old, and the guest never waits for nobody. */
@Timeout(60)
class PtyTest implements HostEvents {

    private static final int IOCTL = 16;
    private static final int TCGETS = 0x5401;
    private static final int TCSETS = 0x5402;
    private static final int TIOCSPTLCK = 0x4004_5431;
    private static final long TIOCGPTN = 0x8004_5430L;
    private static final int OPEN = FileIo.READ_WRITE | FileIo.NO_CONTROLLING_TERMINAL | FileIo.NON_BLOCKING;

    private final UartBench uart = new UartBench();
    private final Poller poller = new Poller(Backend.MAX_DESCRIPTORS);
    private final MemorySegment bytes = Arena.ofAuto().allocate(4096);
    private final List<String> events = new ArrayList<>();
    private long nowNs = 1;

    @Test
    void usersComeAndGo() {
        Fd master = FileIo.open(Path.of("/dev/ptmx"), OPEN, 0);
        Path slavePath = unlock(master);
        try (Fd slave = FileIo.open(slavePath, OPEN, 0)) { // as the supervisor does: from now on the master hangs up
            raw(slave);
        }
        Backend backend = new HostStreams(name -> Optional.of(master), uart.core, this)
                .open(0, HostStreams.Kind.PTY, false, "backend.0.");
        backend.attach(poller, nowNs);
        uart.configured(0);
        uart.hostTakes = false;
        uart.out(0, 'A');
        cycle(backend);
        assertEquals(0x60, uart.in(5), "the guest does not wait for nobody");
        assertEquals(0x00, uart.in(6) & 0xF0);
        assertEquals(0, poller.await(0), "nor does a hang-up keep the process awake");

        Fd user = FileIo.open(slavePath, OPEN, 0);
        nowNs = backend.nextDeadlineNs();
        cycle(backend);
        assertEquals(0xB0, uart.in(6) & 0xF0);
        StringBuilder got = new StringBuilder();
        until(backend, () -> !got.append(read(user)).isEmpty());
        assertEquals("A", got.toString());
        bytes.set(ValueLayout.JAVA_BYTE, 0, (byte) '\n');
        FileIo.tryWrite(user, bytes, 0, 1);
        until(backend, () -> (uart.in(5) & 1) != 0);
        assertEquals('\n', uart.in(0));

        user.close();
        cycle(backend);
        assertEquals(0x00, uart.in(6) & 0xF0);
        assertEquals(List.of(), events);
    }

    /** From one end of a pty to the other bytes are brought by a thread of the kernel's, when it has a processor. */
    private void until(Backend backend, BooleanSupplier arrived) {
        while (!arrived.getAsBoolean()) {
            cycle(backend);
        }
    }

    private void cycle(Backend backend) {
        for (int i = 0; i < 3; i++) {
            backend.flush(nowNs);
            backend.watch(poller);
            poller.await(0);
            backend.service(poller, nowNs);
            backend.deliver(nowNs);
        }
    }

    private String read(Fd from) {
        long count = FileIo.tryRead(from, bytes, 0, 4096);
        return count <= 0
                ? ""
                : StandardCharsets.ISO_8859_1
                        .decode(bytes.asSlice(0, count).asByteBuffer())
                        .toString();
    }

    /** No input, output or local modes: struct termios starts with c_iflag, c_oflag, c_cflag, c_lflag. */
    private static void raw(Fd slave) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment termios = arena.allocate(64, 8);
            Syscall.check("read settings", Syscall.call(IOCTL, slave.number(), TCGETS, termios.address()));
            for (int offset : new int[] {0, 4, 12}) {
                termios.set(ValueLayout.JAVA_INT, offset, 0);
            }
            Syscall.check("change settings", Syscall.call(IOCTL, slave.number(), TCSETS, termios.address()));
        }
    }

    private static Path unlock(Fd master) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment number = arena.allocate(ValueLayout.JAVA_INT);
            Syscall.check("unlock pty", Syscall.call(IOCTL, master.number(), TIOCSPTLCK, number.address()));
            Syscall.check("name of pty", Syscall.call(IOCTL, master.number(), TIOCGPTN, number.address()));
            return Path.of("/dev/pts/" + number.get(ValueLayout.JAVA_INT, 0));
        }
    }

    @Override
    public void escape(int port, int what) {
        events.add("escape");
    }

    @Override
    public void backendLost(int port, int errno) {
        events.add("lost " + errno);
    }
}
