package io.jvmm.policy.sys;

import io.jvmm.ipc.sys.ExitStatus;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Pidfd;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.ipc.sys.SyscallNumbers;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;

/** Forked children that install a filter, make one system call each, and exit with 0. */
public final class ProbeChild {
    private static final int SIGSYS = 31;

    /**
     * How it went.
     *
     * @param killed by SIGSYS
     * @param result what the call returned, when it returned
     * @param status how the child ended
     */
    public record Outcome(boolean killed, long result, ExitStatus status) {}

    /**
     * A call to make.
     *
     * @param number of the system call
     * @param arguments up to six
     */
    @SuppressWarnings("ArrayRecordComponent") // written down where the call is made, and never compared
    public record Call(int number, long... arguments) {}

    /** So many children at once: the kernel makes and buries them while we wait for the first. */
    private static final int AT_ONCE = 32;

    private static final int MADV_DONTFORK = 10;
    private static final int LARGE_BYTES = 1 << 20;

    private ProbeChild() {}

    /** Each call in a child of its own; what came of them, in their order. */
    public static List<Outcome> calls(byte[] filter, List<Call> calls) {
        copyNoHeap();
        List<Outcome> outcomes = new ArrayList<>();
        for (int first = 0; first < calls.size(); first += AT_ONCE) {
            Deque<Probe> probes = new ArrayDeque<>();
            try {
                for (Call call : calls.subList(first, Math.min(first + AT_ONCE, calls.size()))) {
                    probes.add(new Probe(filter, call));
                }
                while (!probes.isEmpty()) {
                    try (Probe probe = probes.remove()) {
                        outcomes.add(probe.await());
                    }
                }
            } finally {
                probes.forEach(Probe::close);
            }
        }
        return outcomes;
    }

    /**
     * Leaves our large mappings out of the children from now on, which run no Java and need the stub and their block: to copy the page
     * tables of a heap and to drop them again takes the kernel longer than everything else.
     */
    static void copyNoHeap() {
        List<String> maps;
        try {
            maps = Files.readAllLines(Path.of("/proc/self/maps"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        for (String line : maps) {
            String[] words = line.split(" +", 6);
            int dash = words[0].indexOf('-');
            long start = Long.parseUnsignedLong(words[0], 0, dash, 16);
            long length = Long.parseUnsignedLong(words[0], dash + 1, words[0].length(), 16) - start;
            // Private, writable, of no file: the heap and what belongs to it. What cannot be left out is copied.
            if (words[1].startsWith("rw") && words[1].endsWith("p") && words[4].equals("0") && length >= LARGE_BYTES) {
                Kernel.call(SyscallNumbers.MADVISE, start, length, MADV_DONTFORK);
            }
        }
    }

    /** One child. */
    private static final class Probe implements AutoCloseable {
        private final ControlBlock block;
        private final Pidfd pidfd;

        Probe(byte[] filter, Call call) {
            // No CLONE_VM: whatever the call does to memory, it does to a copy. The block itself is shared all the
            // same.
            block = new ControlBlock(plan(filter, call), 0);
            long pid = block.start();
            if (pid < 0) {
                block.close();
                throw SysException.of("clone3", (int) -pid);
            }
            pidfd = Pidfd.of((int) pid, Fd.of(block.pidfd()));
        }

        private static List<PreparedCall> plan(byte[] filter, Call call) {
            return List.of(
                    PreparedCall.of("no core file", SyscallNumbers.PRLIMIT64, 0, 4, new byte[16], 0),
                    PreparedCall.of("no_new_privs", SyscallNumbers.PRCTL, 38, 1, 0, 0, 0),
                    PreparedCall.of(
                            "filter",
                            SyscallNumbers.SECCOMP,
                            1,
                            0,
                            new PreparedCall.Argument.CountedBytes(filter.length / Seccomp.INSTRUCTION_BYTES, filter)),
                    PreparedCall.of(
                                    "the call",
                                    call.number(),
                                    Arrays.stream(call.arguments()).boxed().toArray())
                            .whateverItReturns(),
                    PreparedCall.of("exit", SyscallNumbers.EXIT_GROUP, 0));
        }

        Outcome await() {
            ExitStatus status = pidfd.await();
            if (block.stopped()) {
                throw new AssertionError("the probe stopped with " + block.stopResult() + " at " + block.current());
            }
            boolean killed = status instanceof ExitStatus.Killed(int signal, boolean core) && signal == SIGSYS;
            return new Outcome(killed, block.result(3), status);
        }

        @Override
        public void close() {
            pidfd.close();
            block.close();
        }
    }
}
