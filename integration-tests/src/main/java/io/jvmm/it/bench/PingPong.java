package io.jvmm.it.bench;

import io.jvmm.ipc.link.DeviceEndpoint;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Mapping;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.Syscall;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/** The round trips that are compared: the loops of both sides, and the plainest thing each is measured against. */
final class PingPong {
    private static final VarHandle LONG = ValueLayout.JAVA_LONG.varHandle();
    /** Request and reply word of the plain ping-pong, on cache lines of their own. */
    private static final long REQUEST = 0;

    private static final long REPLY = 256;
    private static final long READ = 0;
    private static final long WRITE = 1;
    private static final long EVENTFD2 = 290;
    private static final long EFD_CLOEXEC = 0x80000;

    private PingPong() {}

    /** What the peer does with so many messages. */
    enum Kind {
        /** Two words in shared memory, written with release and read with acquire, both sides spinning. */
        PLAIN,
        /** A register read over a link, both sides spinning. */
        LINK_SPINNING,
        /** Two blocking eventfds. */
        EVENTFD,
        /** A register read over a link whose two sides go to sleep at once. */
        LINK_SLEEPING,
        /** A register read over a link: the reader spins, the other side is woken: a round trip and one wake. */
        LINK_WOKEN,
        /** A kick over a link to a side that spins; its answer is an eventfd, which wakes the asker: a round trip and one wake. */
        INTERRUPT,
        /** The same, and the other side is woken by the kick: two wakes. */
        INTERRUPT_WOKEN
    }

    /** An eventfd whose reads block. */
    static Fd blockingEventFd() {
        return Fd.of((int) Syscall.check("eventfd2", Syscall.call(EVENTFD2, 0, EFD_CLOEXEC)));
    }

    // ---- the asking side

    static void askPlain(Mapping words, long first, int count) {
        MemorySegment s = words.segment();
        for (long i = first; i < first + count; i++) {
            LONG.setRelease(s, REQUEST, i);
            while ((long) LONG.getAcquire(s, REPLY) != i) {
                Thread.onSpinWait();
            }
        }
    }

    static void askEventFd(Fd request, Fd reply, int count) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment eight = arena.allocate(ValueLayout.JAVA_LONG);
            for (int i = 0; i < count; i++) {
                eight.set(ValueLayout.JAVA_LONG, 0, 1);
                Syscall.call(WRITE, request.number(), eight.address(), 8);
                Syscall.call(READ, reply.number(), eight.address(), 8);
            }
        }
    }

    // ---- the answering side

    static void answerPlain(Mapping words, long first, int count) {
        MemorySegment s = words.segment();
        for (long i = first; i < first + count; i++) {
            while ((long) LONG.getAcquire(s, REQUEST) != i) {
                Thread.onSpinWait();
            }
            LONG.setRelease(s, REPLY, i);
        }
    }

    static void answerEventFd(Fd request, Fd reply, int count) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment eight = arena.allocate(ValueLayout.JAVA_LONG);
            for (int i = 0; i < count; i++) {
                Syscall.call(READ, request.number(), eight.address(), 8);
                eight.set(ValueLayout.JAVA_LONG, 0, 1);
                Syscall.call(WRITE, reply.number(), eight.address(), 8);
            }
        }
    }

    static void answerLinkSpinning(DeviceEndpoint device, int count) {
        for (int i = 0; i < count; i++) {
            while (!device.next()) {
                Thread.onSpinWait();
            }
            device.reply(device.offset());
            device.release();
        }
    }

    static void answerLinkSleeping(DeviceEndpoint device, Poller poller, int count) {
        for (int i = 0; i < count; i++) {
            while (!device.next()) {
                if (device.prepareToSleep()) {
                    poller.await(Poller.FOREVER);
                    device.awake();
                }
            }
            device.reply(device.offset());
            device.release();
        }
    }

    /** A kick is answered by an eventfd, as a device answers by its interrupt. */
    static void answerKicks(DeviceEndpoint device, @Nullable Poller poller, EventFd interrupt, int count) {
        for (int i = 0; i < count; i++) {
            while (!device.next()) {
                if (poller == null) {
                    Thread.onSpinWait();
                } else if (device.prepareToSleep()) {
                    poller.await(Poller.FOREVER);
                    device.awake();
                }
            }
            device.release();
            interrupt.signal();
        }
    }
}
