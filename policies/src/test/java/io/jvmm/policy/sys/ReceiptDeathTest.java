package io.jvmm.policy.sys;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Mapping;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.ipc.sys.Pidfd;
import io.jvmm.ipc.sys.SocketIo;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.ipc.sys.SyscallNumbers;
import io.jvmm.ipc.sys.UnixSocket;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * What {@link SocketIo} says of receipts, proved against death within the call: a process that sends and receives on a stream socket with
 * each call's header in shared memory is killed with SIGKILL at any moment, and its successor goes on where the receipts say. Every byte of
 * both streams is in its place. The process runs no Java ({@link CloneStub}), so that it can be killed within a system call and a thousand
 * of them made in a second. {@code -Djvmm.receipts.kills=20000} is the long run.
 */
@Timeout(3600)
final class ReceiptDeathTest {
    private static final int KILLS = Integer.getInteger("jvmm.receipts.kills", 400);
    private static final int SIGKILL = 9;
    private static final int DONTWAIT_NOSIGNAL = 0x40 | 0x4000;
    private static final int DONTWAIT = 0x40;
    private static final int PAUSE = 34;

    private static final int SMALL_CALLS = 12;
    /** All small calls together stay far below what a socket takes, so that only the last one of a life is cut short. */
    private static final int SMALL_BYTES = 4000;

    /** More than a socket takes. */
    private static final int LARGE_BYTES = 400_000;

    /** An eighth of a millisecond, in which a large call is over. */
    private static final int MOST_WAIT_BITS = 17;

    private static final int OFFERED_BYTES = 50_000;
    private static final long BUFFERS = 64 << 10;
    private static final long IOVECS = 32 << 10;

    private final Random random = new Random(TestSeed.next());
    private final MemFd memfd = MemFd.create("receipts", BUFFERS + 2L * (SMALL_CALLS * SMALL_BYTES + 2 * LARGE_BYTES));
    private final Mapping mapping = memfd.map();
    private final MemorySegment memory = mapping.segment();
    private final UnixSocket.Pair pair = UnixSocket.streamPair();
    private final SocketIo io = new SocketIo();
    private final MemorySegment scratch = Arena.ofAuto().allocate(LARGE_BYTES);

    /** How many bytes the processes together have sent and received, by their receipts. */
    private long sent;

    private long received;
    /** How many bytes the test has found at the other end, and has put there. */
    private long arrived;

    private long offered;
    private int killedWithinACall;
    private int killedBetweenCalls;

    /** A call of the table: {@code index} is its place there and that of its receipt. */
    private record Move(boolean sends, int index, long buffer, int length) {}

    @Test
    void everyByteIsInItsPlaceWhereverAProcessDies() {
        try (mapping;
                memfd;
                pair) {
            mapping.prefault(); // as the layouts' owners do: a receipt's page is there before the call
            for (int life = 0; life < KILLS; life++) {
                offer();
                live();
                take();
                assertEquals(sent, arrived, "bytes that receipts tell of and that came, life " + life);
            }
        }
        System.out.printf(
                "%d kills: %d bytes sent, %d received; %d died between a call's effect and the note of its result, %d elsewhere%n",
                KILLS, sent, received, killedWithinACall, killedBetweenCalls);
        assertTrue(sent > 0 && received > 0, "nothing was moved");
        assertTrue(killedWithinACall > 0, "nobody died where it matters");
    }

    /** One process, until it is killed; what it moved is then told by its receipts. */
    private void live() {
        List<Move> moves = plan();
        List<PreparedCall> calls = new ArrayList<>();
        for (Move move : moves) {
            int number = move.sends() ? SyscallNumbers.SENDMMSG : SyscallNumbers.RECVMMSG;
            int flags = move.sends() ? DONTWAIT_NOSIGNAL : DONTWAIT;
            long header = memory.address() + place(move.index());
            calls.add(PreparedCall.of(
                            "move " + move.index(), number, pair.left().fd().number(), header, 1, flags, 0)
                    .whateverItReturns());
        }
        calls.add(PreparedCall.of("wait for the end", PAUSE).whateverItReturns());
        try (ControlBlock block = new ControlBlock(calls, 0)) {
            ProbeChild.copyNoHeap();
            long pid = block.start();
            if (pid < 0) {
                throw SysException.of("clone3", (int) -pid);
            }
            try (Pidfd pidfd = Pidfd.of((int) pid, Fd.of(block.pidfd()))) {
                spinUntilItsHour(block, calls);
                pidfd.signal(SIGKILL);
                pidfd.await();
            }
            settle(block, moves);
        }
    }

    /** Until it makes a certain call, any, and some time more, of which a small call takes little and a large one much. */
    @SuppressWarnings("ReferenceEquality") // which of them, not what it is like
    private void spinUntilItsHour(ControlBlock block, List<PreparedCall> calls) {
        PreparedCall at = calls.get(random.nextInt(calls.size()));
        PreparedCall end = calls.getLast();
        PreparedCall now = null;
        long patienceNs = System.nanoTime() + 60_000_000_000L;
        while (now != at && now != end) {
            assertTrue(System.nanoTime() - patienceNs < 0, "the process makes no call");
            Thread.onSpinWait();
            now = block.current();
        }
        long untilNs = System.nanoTime() + random.nextInt(1 << random.nextInt(MOST_WAIT_BITS));
        while (System.nanoTime() < untilNs) {
            Thread.onSpinWait();
        }
    }

    /** Small calls in any order, then a large one each way, which is cut short by what the sockets hold. */
    private List<Move> plan() {
        List<Move> moves = new ArrayList<>();
        long buffer = BUFFERS;
        long position = sent;
        int small = random.nextInt(SMALL_CALLS + 1);
        boolean sendsFirst = random.nextBoolean();
        for (int i = 0; i < small + 2; i++) {
            boolean large = i >= small;
            boolean sends = large ? (i == small) == sendsFirst : random.nextBoolean();
            int length = large ? LARGE_BYTES : 1 + random.nextInt(SMALL_BYTES);
            moves.add(new Move(sends, i, buffer, length));
            if (sends) {
                number(memory, buffer, position, length);
                position += length;
            }
            prepare(i, buffer, length);
            buffer += length;
        }
        return moves;
    }

    /** The header of a call as socket.h draws it: a struct mmsghdr with one struct iovec. */
    private void prepare(int index, long buffer, int length) {
        long header = place(index);
        long iovec = IOVECS + 16L * index;
        memory.asSlice(header, SocketIo.RECEIPT_LENGTH_BYTES).fill((byte) 0);
        memory.set(JAVA_LONG, iovec, memory.address() + buffer);
        memory.set(JAVA_LONG, iovec + 8, length);
        memory.set(JAVA_LONG, header + 16, memory.address() + iovec);
        memory.set(JAVA_LONG, header + 24, 1);
        SocketIo.clearReceipt(memory, header);
    }

    private static long place(int index) {
        return (long) index * SocketIo.RECEIPT_LENGTH_BYTES;
    }

    /** What a successor does: it believes the receipts. */
    private void settle(ControlBlock block, List<Move> moves) {
        boolean within = false;
        boolean cutShort = false;
        for (Move move : moves) {
            int moved = SocketIo.receipt(memory, place(move.index()));
            if (moved == SocketIo.NO_RECEIPT) {
                continue;
            }
            within |= block.result(move.index()) == 0;
            if (move.sends()) {
                assertTrue(!cutShort, "a small call was cut short: the socket holds too little for this test");
                cutShort = moved < move.length();
                sent += moved;
            } else {
                assertNumbered(memory, move.buffer(), received, moved, "what a process received");
                received += moved;
            }
        }
        if (within) {
            killedWithinACall++;
        } else {
            killedBetweenCalls++;
        }
    }

    /** As much as the socket takes, for the processes to receive. */
    private void offer() {
        long bytes = 1;
        while (bytes > 0) {
            number(scratch, 0, offered, OFFERED_BYTES);
            bytes = io.send(pair.right().fd().number(), scratch, 0, OFFERED_BYTES);
            offered += Math.max(0, bytes);
        }
        assertTrue(received <= offered, "bytes were received twice");
    }

    /** Everything that has been sent. */
    private void take() {
        long bytes = 1;
        while (bytes > 0) {
            bytes = io.receive(pair.right().fd().number(), scratch, 0, LARGE_BYTES);
            if (bytes > 0) {
                assertNumbered(scratch, 0, arrived, (int) bytes, "what a process sent");
                arrived += bytes;
            }
        }
    }

    /** The byte of a stream at a position: no shift of a whole stream by less than a gigabyte leaves it alike. */
    private static byte at(long position) {
        return (byte) ((position * 0x9E37_79B9_7F4A_7C15L) >>> 56);
    }

    private static void number(MemorySegment to, long offset, long position, int length) {
        for (int i = 0; i < length; i++) {
            to.set(JAVA_BYTE, offset + i, at(position + i));
        }
    }

    private static void assertNumbered(MemorySegment in, long offset, long position, int length, String what) {
        for (int i = 0; i < length; i++) {
            if (in.get(JAVA_BYTE, offset + i) != at(position + i)) {
                throw new AssertionError(what + " is wrong at byte " + (position + i));
            }
        }
    }
}
