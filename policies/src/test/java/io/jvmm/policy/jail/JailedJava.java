package io.jvmm.policy.jail;

import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.SyscallNumbers;
import io.jvmm.policy.sys.ProbeCalls;
import io.jvmm.policy.sys.Seccomp;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.locks.LockSupport;

/**
 * A process like a device: it warms up, installs the narrow filter, serves for a while, and ends. Arguments: the filter's file, then
 * what to do at the end: {@code halt}, or {@code execve}, {@code socket}, {@code mmap-exec}.
 */
public final class JailedJava {
    @SuppressWarnings("UnusedVariable") // written so that nothing is optimised away
    private static volatile Object sink = "";

    private JailedJava() {}

    public static void main(String[] args) throws Exception {
        byte[] filter = Files.readAllBytes(Path.of(args[0]));
        EventFd doorbell = EventFd.create();
        work(doorbell, 3);
        int end = ProbeCalls.warmUp();
        Seccomp.installNarrow(filter);
        System.out.println("ready");
        work(doorbell, Integer.getInteger("rounds", 20));
        switch (args[1]) {
            case "execve" -> ProbeCalls.call(SyscallNumbers.EXECVE);
            case "socket" -> ProbeCalls.call(41);
            case "mmap-exec" -> ProbeCalls.call(SyscallNumbers.MMAP, 0, 4096, 5, 0x22, -1, 0);
            default -> {}
        }
        Runtime.getRuntime().halt(7 + end);
    }

    /** Allocates enough for collections, throws, sleeps, wakes: what HotSpot does in a serving process. */
    @SuppressWarnings("ThreadPriorityCheck") // sched_yield is one of the calls to be tried
    private static void work(EventFd doorbell, int rounds) {
        for (int i = 0; i < rounds; i++) {
            for (int n = 0; n < 300; n++) {
                sink = new byte[10_000];
            }
            try {
                sink = "short".charAt(rounds + 1_000_000);
            } catch (StringIndexOutOfBoundsException expected) {
                sink = expected;
            }
            doorbell.signal();
            doorbell.drain();
            Thread.yield();
            LockSupport.parkNanos(100_000_000);
        }
    }
}
