package io.jvmm.supervisor.sys;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Syscall;
import io.jvmm.ipc.sys.SyscallNumbers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * One queue of a tap interface (Linux, Documentation/networking/tuntap.rst): frames with a virtio-net header of 12 bytes.
 *
 * <p>System calls: openat of /dev/net/tun; ioctl (TUNSETIFF, TUNSETVNETHDRSZ, TUNSETOFFLOAD), socket and ioctl (SIOCSIFMTU,
 * SIOCSIFFLAGS) for an interface that was created.
 *
 * <pre>
 *   struct ifreq
 *   0          16                40
 *   | name     | flags or MTU    |
 * </pre>
 *
 * @param name of the interface
 */
public record TunTap(Fd fd, String name) {
    public static final Path DEVICE = Path.of("/dev/net/tun");

    private static final long TUNSETIFF = 0x4004_54caL;
    private static final long TUNSETOFFLOAD = 0x4004_54d0L;
    private static final long TUNSETVNETHDRSZ = 0x4004_54d8L;
    private static final long SIOCGIFFLAGS = 0x8913;
    private static final long SIOCSIFFLAGS = 0x8914;
    private static final long SIOCSIFMTU = 0x8922;
    private static final int IFF_TAP = 0x2;
    private static final int IFF_MULTI_QUEUE = 0x100;
    private static final int IFF_NO_PI = 0x1000;
    private static final int IFF_VNET_HDR = 0x4000;
    private static final int IFF_UP = 0x1;
    private static final int IFREQ_BYTES = 40;
    private static final int NAME_BYTES = 16;
    private static final int VNET_HEADER_BYTES = 12;

    /** TUN_F_CSUM, TSO4, TSO6, TSO_ECN: what the host may leave to the guest. */
    private static final int OFFLOADS = 0x1 | 0x2 | 0x4 | 0x8;

    private static final int AF_INET = 2;
    private static final int SOCK_DGRAM_CLOEXEC = 0x80002;

    /**
     * Attaches to an interface, or creates it.
     *
     * @param name may end in {@code %d}: the kernel puts the first free number there
     * @param multiQueue whether it has, or is to have, more than one
     * @throws io.jvmm.ipc.sys.SysException as the kernel says
     */
    public static TunTap open(String name, boolean multiQueue, boolean offloads) {
        Fd fd = FileIo.open(DEVICE, FileIo.READ_WRITE | FileIo.NON_BLOCKING, 0);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment request = request(arena, name);
            int flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (multiQueue ? IFF_MULTI_QUEUE : 0);
            request.set(ValueLayout.JAVA_SHORT, NAME_BYTES, (short) flags);
            call("attach to tap " + name, fd, TUNSETIFF, request.address());
            MemorySegment header = arena.allocateFrom(ValueLayout.JAVA_INT, VNET_HEADER_BYTES);
            call("set header size of tap " + name, fd, TUNSETVNETHDRSZ, header.address());
            call("set offloads of tap " + name, fd, TUNSETOFFLOAD, offloads ? OFFLOADS : 0);
            return new TunTap(fd, request.getString(0, StandardCharsets.US_ASCII));
        } catch (RuntimeException e) {
            fd.close();
            throw e;
        }
    }

    /** Sets the MTU of the interface and switches it on. */
    public void bringUp(int mtu) {
        try (Fd socket = Fd.of((int) Syscall.check(
                        "create socket", Syscall.call(SyscallNumbers.SOCKET, AF_INET, SOCK_DGRAM_CLOEXEC, 0)));
                Arena arena = Arena.ofConfined()) {
            MemorySegment request = request(arena, name);
            request.set(ValueLayout.JAVA_INT, NAME_BYTES, mtu);
            call("set MTU of " + name, socket, SIOCSIFMTU, request.address());
            call("read flags of " + name, socket, SIOCGIFFLAGS, request.address());
            short flags = request.get(ValueLayout.JAVA_SHORT, NAME_BYTES);
            request.set(ValueLayout.JAVA_SHORT, NAME_BYTES, (short) (flags | IFF_UP));
            call("switch on " + name, socket, SIOCSIFFLAGS, request.address());
        }
    }

    private static MemorySegment request(Arena arena, String name) {
        byte[] bytes = name.getBytes(StandardCharsets.US_ASCII);
        if (bytes.length >= NAME_BYTES) {
            throw new IllegalArgumentException("the name of an interface has at most 15 bytes: " + name);
        }
        MemorySegment request = arena.allocate(IFREQ_BYTES, Long.BYTES);
        MemorySegment.copy(bytes, 0, request, ValueLayout.JAVA_BYTE, 0, bytes.length);
        return request;
    }

    private static void call(String what, Fd fd, long request, long argument) {
        Syscall.check(what, Syscall.call(SyscallNumbers.IOCTL, fd.number(), request, argument));
    }
}
