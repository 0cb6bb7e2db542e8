package io.jvmm.device.net.sys;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Syscall;
import io.jvmm.ipc.sys.SyscallNumbers;

/**
 * Tells a tap what the reader of its frames can take (linux/if_tun.h). Device thread; allocates nothing.
 *
 * <p>System call: ioctl with TUNSETOFFLOAD.
 */
public final class TapOffloads {
    /** Frames whose checksum is not yet filled in. */
    public static final int CSUM = 0x01;
    /** TCP over IPv4 to be segmented. */
    public static final int TSO4 = 0x02;
    /** TCP over IPv6 to be segmented. */
    public static final int TSO6 = 0x04;
    /** TCP to be segmented that carries ECN's CWR. */
    public static final int TSO_ECN = 0x08;
    /** UDP over IPv4 to be fragmented. */
    public static final int UFO = 0x10;
    /** UDP over IPv4 to be segmented, since Linux 6.2. */
    public static final int USO4 = 0x20;
    /** UDP over IPv6 to be segmented, since Linux 6.2; the kernel takes the two together only. */
    public static final int USO6 = 0x40;

    private static final int TUNSETOFFLOAD = 0x400454d0;

    private TapOffloads() {}

    /**
     * Sets them, without those this kernel does not know.
     *
     * @return what is in force, or a negated errno (EBADFD: the interface is gone)
     */
    public static long set(Fd tap, int offloads) {
        int wanted = (offloads & (TSO4 | TSO6)) == 0 ? offloads & ~TSO_ECN : offloads;
        wanted = (wanted & CSUM) == 0 ? 0 : wanted;
        wanted = (wanted & (USO4 | USO6)) == (USO4 | USO6) ? wanted : wanted & ~(USO4 | USO6);
        long result = ioctl(tap, wanted);
        if (Errno.EINVAL.is(result)) {
            wanted &= ~(USO4 | USO6);
            result = ioctl(tap, wanted);
        }
        if (Errno.EINVAL.is(result)) {
            wanted &= ~UFO;
            result = ioctl(tap, wanted);
        }
        return result < 0 ? result : wanted;
    }

    private static long ioctl(Fd tap, int offloads) {
        return Syscall.call(SyscallNumbers.IOCTL, tap.number(), TUNSETOFFLOAD, offloads);
    }
}
