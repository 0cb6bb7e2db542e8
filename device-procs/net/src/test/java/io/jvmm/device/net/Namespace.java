package io.jvmm.device.net;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Syscall;
import io.jvmm.ipc.sys.SyscallNumbers;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A network namespace of the test's own: a thread leaves the host's, and all it does (sockets, programs it starts) happens in the
 * new one, which goes with it.
 */
final class Namespace {
    private static final int UNSHARE = 272;
    private static final int CLONE_NEWNET = 0x40000000;
    private static final long TUNSETIFF = 0x4004_54caL;
    private static final long TUNSETVNETHDRSZ = 0x4004_54d8L;
    private static final int IFF_TAP_NO_PI_VNET_HDR = 0x0002 | 0x1000 | 0x4000;
    private static final int IFF_MULTI_QUEUE = 0x100;

    /** What a test does there. */
    interface Body {
        void run() throws Exception;
    }

    private Namespace() {}

    /** Runs something in a new network namespace with a loopback interface that is up. */
    static void run(Body body) throws Exception {
        Throwable[] failure = new Throwable[1];
        Thread thread = Thread.ofPlatform().name("namespace").start(() -> {
            try {
                long result = Syscall.call(UNSHARE, CLONE_NEWNET);
                if (result < 0) {
                    throw new AssertionError("this test makes a network namespace, which this user may not: errno "
                            + -result + ". Run the build as root, or in: unshare -Urn");
                }
                program("ip", "link", "set", "lo", "up");
                body.run();
            } catch (Throwable e) { // whatever it is, it is the test's
                failure[0] = e;
            }
        });
        thread.join();
        @Nullable Throwable thrown = failure[0];
        if (thrown instanceof Exception e) {
            throw e;
        }
        if (thrown instanceof Error e) {
            throw e;
        }
    }

    /** Runs a program to its end. */
    static void program(String... command) throws IOException, InterruptedException {
        Process process =
                new ProcessBuilder(List.of(command)).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        if (process.waitFor() != 0) {
            throw new AssertionError(String.join(" ", command) + ": " + output);
        }
    }

    /** A tap as the supervisor hands it over, a queue for each pair; up, with an address. */
    static Fd[] tap(int queues, int mtu) throws IOException, InterruptedException {
        Fd[] fds = new Fd[queues];
        try (Arena arena = Arena.ofConfined()) {
            for (int queue = 0; queue < queues; queue++) {
                fds[queue] = FileIo.open(Path.of("/dev/net/tun"), FileIo.READ_WRITE | FileIo.NON_BLOCKING, 0);
                MemorySegment request = arena.allocate(40, 8);
                request.setString(0, "tap0");
                int flags = IFF_TAP_NO_PI_VNET_HDR | (queues > 1 ? IFF_MULTI_QUEUE : 0);
                request.set(ValueLayout.JAVA_SHORT, 16, (short) flags);
                ioctl(fds[queue], TUNSETIFF, request.address());
                ioctl(
                        fds[queue],
                        TUNSETVNETHDRSZ,
                        arena.allocateFrom(ValueLayout.JAVA_INT, 12).address());
            }
        }
        program("ip", "link", "set", "tap0", "mtu", Integer.toString(mtu));
        program("ip", "link", "set", "tap0", "address", "02:00:00:00:00:01");
        program("ip", "addr", "add", "10.9.8.1/24", "dev", "tap0");
        program("ip", "link", "set", "tap0", "up");
        return fds;
    }

    private static void ioctl(Fd fd, long request, long argument) {
        Syscall.check("ioctl of a tap", Syscall.call(SyscallNumbers.IOCTL, fd.number(), request, argument));
    }
}
