package io.jvmm.device.serial;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.api.Backend;
import io.jvmm.device.api.DeviceConfig;
import io.jvmm.device.api.HostEvents;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.UnixSocket;
import io.jvmm.ipc.vsock.VsockConnectServer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Back ends over real descriptors in front of a real UART. */
@Timeout(60)
class SerialBackendsTest implements HostEvents {

    private final UartBench uart = new UartBench();
    private final Poller poller = new Poller(Backend.MAX_DESCRIPTORS);
    private final MemorySegment bytes = Arena.ofAuto().allocate(4096);
    private final List<String> events = new ArrayList<>();
    private final Map<String, Fd> descriptors = new HashMap<>();

    private Backend make(String... entries) {
        Map<String, String> config = new HashMap<>();
        for (int i = 0; i < entries.length; i += 2) {
            config.put(entries[i], entries[i + 1]);
        }
        DeviceConfig from = key -> Optional.ofNullable(config.get(key));
        Backend backend = new SerialDevice()
                .backends(from, name -> Optional.ofNullable(descriptors.get(name)), uart.core, this)
                .getFirst();
        backend.attach(poller, 0);
        return backend;
    }

    private void cycle(Backend backend) {
        for (int i = 0; i < 3; i++) {
            backend.flush(0);
            backend.committed();
            backend.watch(poller);
            poller.await(0);
            backend.service(poller, 0);
            backend.deliver(0);
            backend.committed();
        }
    }

    private void write(Fd to, String text) {
        byte[] raw = text.getBytes(StandardCharsets.ISO_8859_1);
        MemorySegment.copy(raw, 0, bytes, ValueLayout.JAVA_BYTE, 0, raw.length);
        assertEquals(raw.length, FileIo.tryWrite(to, bytes, 0, raw.length));
    }

    private String read(Fd from) {
        from.setNonBlocking(true);
        long count = FileIo.tryRead(from, bytes, 0, 4096);
        return count <= 0
                ? ""
                : StandardCharsets.ISO_8859_1
                        .decode(bytes.asSlice(0, count).asByteBuffer())
                        .toString();
    }

    private String received() {
        StringBuilder text = new StringBuilder();
        while ((uart.core.read(0, 5, 1, 0) & 1) != 0) {
            text.append((char) uart.core.read(0, 0, 1, 0));
        }
        return text.toString();
    }

    @Test
    void aSocketTakesOneClientAfterTheOtherAndKeepsOutputForTheNext() {
        UnixSocket.Pair channel = UnixSocket.seqPacketPair();
        VsockConnectServer supervisor = new VsockConnectServer(channel.left(), 1);
        descriptors.put("backend.0.connect", channel.right().fd());
        Backend backend = make("port.0.backend", "socket");
        uart.configured(0);
        uart.hostTakes = false;
        cycle(backend, supervisor);
        uart.out(0, '!');
        cycle(backend, supervisor);
        assertEquals(0x60, uart.in(5), "nobody is there, and the guest does not wait");
        assertEquals(0x00, uart.in(6) & 0xF0, "no carrier");
        UnixSocket first = client(supervisor);
        cycle(backend, supervisor);
        assertEquals("!", read(first.fd()));
        assertEquals(0xB0, uart.in(6) & 0xF0);
        write(first.fd(), "first");
        cycle(backend, supervisor);
        assertEquals("first", received());
        first.close();
        cycle(backend, supervisor);
        cycle(backend, supervisor);
        assertEquals(0, supervisor.held());
        assertEquals(0x00, uart.in(6) & 0xF0, "no carrier");
        UnixSocket second = client(supervisor);
        write(second.fd(), "second");
        cycle(backend, supervisor);
        assertEquals("second", received());
        uart.out(0, 'x');
        cycle(backend, supervisor);
        assertEquals("x", read(second.fd()));
        assertEquals(List.of(), events);
        supervisor.close();
    }

    private static UnixSocket client(VsockConnectServer supervisor) {
        UnixSocket.Pair pair = UnixSocket.streamPair();
        supervisor.client(pair.left().fd());
        return pair.right();
    }

    private void cycle(Backend backend, VsockConnectServer supervisor) {
        for (int i = 0; i < 3; i++) {
            cycle(backend);
            while (supervisor.next() == VsockConnectServer.Next.DONE) {
                // RESUME, CLOSED
            }
        }
    }

    @Test
    void aTerminalHasAnEscapeKey() {
        UnixSocket.Pair terminal = UnixSocket.streamPair();
        descriptors.put("backend.0.in", terminal.left().fd());
        descriptors.put("backend.0.out", terminal.left().fd());
        Backend backend = make("port.0.backend", "terminal");
        uart.configured(0);
        write(terminal.right().fd(), "a\u0001\u0001b\u0001zc\u0001bd");
        cycle(backend);
        assertEquals("a\u0001bc", received().substring(0, 4));
        assertEquals(List.of(), events);
        write(terminal.right().fd(), "\u0001h");
        cycle(backend);
        cycle(backend);
        for (int i = 0; i < 20; i++) {
            cycle(backend);
        }
        assertTrue(read(terminal.right().fd()).contains("Ctrl-A x       quit"));
        write(terminal.right().fd(), "\u0001x");
        cycle(backend);
        assertEquals(List.of("escape 0 1"), events);
    }

    @Test
    void theEscapeKeysBreakReachesTheLine() {
        UnixSocket.Pair terminal = UnixSocket.streamPair();
        descriptors.put("backend.0.in", terminal.left().fd());
        descriptors.put("backend.0.out", terminal.left().fd());
        Backend backend = make("port.0.backend", "terminal");
        uart.configured(0);
        write(terminal.right().fd(), "\u0001b");
        cycle(backend);
        assertEquals(0x18, uart.in(5) & 0x1E, "BI and FE");
    }

    @Test
    void aFileGetsEveryByteInOrder(@TempDir Path dir) throws Exception {
        Path path = dir.resolve("log");
        Files.writeString(path, "before\n");
        descriptors.put("backend.0.out", FileIo.open(path, FileIo.WRITE_ONLY | FileIo.APPEND, 0));
        Backend backend = make("port.0.backend", "file");
        uart.configured(0);
        uart.hostTakes = false;
        StringBuilder expected = new StringBuilder("before\n");
        for (int i = 0; i < 1000; i++) {
            while ((uart.core.read(0, 5, 1, 0) & 0x20) == 0) {
                backend.flush(0);
            }
            uart.core.write(0, 0, 1, 'a' + i % 26, 0);
            expected.append((char) ('a' + i % 26));
        }
        cycle(backend);
        assertEquals(expected.toString(), Files.readString(path));
    }

    @Test
    void aFullDiskIsALostBackEnd() {
        descriptors.put("backend.0.out", FileIo.open(Path.of("/dev/full"), FileIo.WRITE_ONLY, 0));
        Backend backend = make("port.0.backend", "file");
        uart.configured(0);
        uart.hostTakes = false;
        uart.out(0, 'x');
        cycle(backend);
        assertEquals(List.of("lost 0 28"), events, "ENOSPC");
        assertEquals(0x60, uart.in(5), "the guest goes on");
    }

    @Test
    void aMissingDescriptorIsNamed() {
        IllegalArgumentException e =
                assertThrows(IllegalArgumentException.class, () -> make("port.0.backend", "socket"));
        assertEquals("descriptor 'backend.0.connect' is missing", e.getMessage());
    }

    @Test
    void wrongConfigurationIsNamed() {
        assertEquals(
                "port.0.backend: 'telnet'; allowed are none, terminal, pty, file, socket",
                assertThrows(IllegalArgumentException.class, () -> make("port.0.backend", "telnet"))
                        .getMessage());
        assertEquals(
                "ports: 5; a PC has 1 to 4",
                assertThrows(IllegalArgumentException.class, () -> make("ports", "5"))
                        .getMessage());
    }

    @Override
    public void escape(int port, int what) {
        events.add("escape " + port + " " + what);
    }

    @Override
    public void backendLost(int port, int errno) {
        events.add("lost " + port + " " + errno);
    }
}
