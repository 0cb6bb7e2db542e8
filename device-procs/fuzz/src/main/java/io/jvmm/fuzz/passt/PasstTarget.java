package io.jvmm.fuzz.passt;

import com.sun.management.ThreadMXBean;
import io.jvmm.device.api.StateRejectedException;
import io.jvmm.device.net.PasstBed;
import io.jvmm.fuzz.engine.FuzzTarget;
import io.jvmm.fuzz.machine.CoreImage;
import io.jvmm.fuzz.machine.FindingException;
import io.jvmm.fuzz.program.InputReader;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.ipc.sys.SocketIo;
import io.jvmm.ipc.sys.UnixSocket;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * The stream of passt through a real socket: an input is a list of steps ({@link Step}) of a guest that sends frames and headers, of a passt that writes and reads as many bytes
 * as it likes, and of deaths, between two calls or right behind a system call. In the end passt reads all, and the guest takes all.
 *
 * <p>The oracles are {@link GuestFrames} and {@link HostFrames}, and that a case without deaths allocates nothing in the port. One thread.
 */
public final class PasstTarget implements FuzzTarget {
    private static final int GUEST_BYTES = 1 << 17;
    private static final int MOST_TO_HOST = 1 << 20;
    private static final int MOST_FROM_HOST = 1 << 19;
    private static final int MOST_STEPS = 64;
    private static final int MOST_DEATHS = 4;
    private static final int MOST_TURNS = 4096;
    private static final int CHUNK = 1 << 16;
    private static final int TRIES = 8;
    private static final int PATCHES = 7;
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private final UnixSocket.Pair sockets = UnixSocket.streamPair();
    private final int ours = sockets.left().fd().number();
    private final int passt = sockets.right().fd().number();
    private final SocketIo io = new SocketIo();
    private final MemorySegment chunk = Arena.ofAuto().allocate(CHUNK, Long.BYTES);
    private final MemorySegment unread = Arena.ofAuto().allocate(MOST_FROM_HOST, Long.BYTES);
    private final GuestMemory memory;
    private final PasstBed bed;
    private final CoreImage image;
    private final InputReader input = new InputReader();

    private final byte[] toHost = new byte[MOST_TO_HOST];
    private int toHostEnd;
    private int sentBytes;
    private final GuestFrames guestFrames = new GuestFrames();
    private final HostFrames hostFrames = new HostFrames(MOST_FROM_HOST);
    /** What passt has in hand, and has not written yet. */
    private final byte[] pending = new byte[MOST_FROM_HOST];

    private int pendingFrom;
    private int pendingEnd;
    private int marks;
    private boolean checks;
    private long allocatedBytes;

    public PasstTarget() {
        try (MemFd fd = MemFd.createSealed("fuzz", GUEST_BYTES)) {
            memory = GuestMemory.map(fd.fd(), GUEST_BYTES);
        }
        bed = new PasstBed(sockets.left().fd(), memory);
        image = new CoreImage(List.of(bed), List.of(memory), new UnsafeBuffer(0, 0));
    }

    @Override
    public void run(byte[] bytes) {
        long least = runOnce(bytes);
        for (int i = 1; i < TRIES && least > 0; i++) {
            least = Math.min(least, runOnce(bytes)); // the JVM allocates where it has not been before
        }
        if (least > 0) {
            throw new FindingException("the port allocates " + least + " bytes, however often the case is run");
        }
    }

    /** What the port allocates, 0 where it has a successor. */
    private long runOnce(byte[] bytes) {
        begin();
        input.wrap(bytes);
        try {
            for (int i = 0; i < MOST_STEPS && input.hasMore(); i++) {
                step(Step.of(input.u8()));
            }
            finish();
        } catch (StateRejectedException e) {
            throw new FindingException("streams that a port has left are refused: " + e.getMessage(), e);
        }
        return hostFrames.deaths() > 0 ? 0 : allocatedBytes;
    }

    private void begin() {
        image.restore();
        drain(ours);
        drain(passt);
        toHostEnd = 0;
        sentBytes = 0;
        pendingFrom = 0;
        pendingEnd = 0;
        marks = 0;
        checks = false;
        allocatedBytes = 0;
        guestFrames.clear();
        hostFrames.clear();
    }

    private void drain(int socket) {
        while (io.receive(socket, chunk, 0, CHUNK) > 0) {
            // of the case before
        }
    }

    private void step(Step step) {
        switch (step) {
            case SEND -> send();
            case FLUSH -> flush();
            case READ -> hostReads(input.u16() * 4);
            case FRAME -> hostFrame();
            case RAW -> {
                int length = input.u8();
                int at = input.position();
                queue(input.bytes(), at, input.skip(length));
            }
            case WRITE -> hostWrites(input.u16());
            case WRITE_ALL -> hostWrites(pendingEnd - pendingFrom);
            case RECEIVE -> receive(true);
            case LOOK -> receive(false);
            case CHECKS -> {
                checks = (input.u8() & 1) != 0;
                bed.checks(checks);
            }
            case DIE -> {
                if (mayDie()) {
                    bed.die();
                    died();
                }
            }
            case DIE_AFTER -> {
                int calls = 1 + (input.u8() & 15);
                if (mayDie()) {
                    bed.dieAfter(calls);
                }
            }
        }
    }

    private boolean mayDie() {
        return hostFrames.deaths() < MOST_DEATHS;
    }

    private void died() {
        hostFrames.died((int) Math.max(0, io.peek(ours, unread, 0, MOST_FROM_HOST)));
        bed.checks(checks);
    }

    // ---- the guest

    private void send() {
        int kind = input.u8();
        int length = input.u16();
        int size = input.u16();
        byte[] frame = Packets.frame((kind & 0xF) % Packets.KINDS, Math.min(length, PasstBed.LONGEST_FRAME), ++marks);
        byte[] header = header(kind, size, frame);
        for (int patches = input.u8() & PATCHES; patches > 0; patches--) {
            int at = input.u8();
            byte value = (byte) input.u8();
            if (at < frame.length) {
                frame[at] = value;
            }
        }
        if (sentBytes + 2 * frame.length > MOST_TO_HOST / 4) {
            return;
        }
        MemorySegment.copy(header, 0, memory.backing(), ValueLayout.JAVA_BYTE, 0, header.length);
        MemorySegment.copy(frame, 0, memory.backing(), ValueLayout.JAVA_BYTE, header.length, frame.length);
        long before = THREADS.getCurrentThreadAllocatedBytes();
        int result = bed.send(frame.length);
        allocatedBytes += THREADS.getCurrentThreadAllocatedBytes() - before;
        switch (result) {
            case PasstBed.SENT -> {
                sentBytes += frame.length;
                guestFrames.sent(header, frame);
            }
            case PasstBed.DIED -> died();
            case PasstBed.LOST -> hostFrames.gone(bed.errno());
            case PasstBed.FULL, PasstBed.DROPPED, PasstBed.MALFORMED, PasstBed.REFUSED -> {}
            default -> throw new FindingException("a frame is answered with " + result);
        }
    }

    /** As the kind says: 0x80 what the input says, 0x40 one that has it segmented, 0x20 with a checksum, else none. */
    private byte[] header(int kind, int size, byte[] frame) {
        byte[] header = new byte[PasstBed.HEADER_BYTES];
        int base = (kind & 0xF) % Packets.KINDS;
        boolean tcp = base == 2 || base == 3 || base == 5;
        int start = base == 0 ? Packets.ETHERNET : Packets.l3(frame) + (Packets.isIpv4(frame) ? 20 : 40);
        little(header, 4, size);
        if ((kind & 0x80) != 0) {
            header[0] = (byte) input.u8();
            header[1] = (byte) input.u8();
            little(header, 6, input.u16());
            little(header, 8, input.u16());
        } else if ((kind & 0x60) != 0) {
            header[0] = 1;
            header[1] = (byte) ((kind & 0x40) == 0 ? 0 : !tcp ? 5 : base == 3 ? 4 : 1);
            little(header, 6, start);
            little(header, 8, tcp ? 16 : base == 0 ? 0 : 6);
        }
        return header;
    }

    private static void little(byte[] header, int at, int value) {
        header[at] = (byte) value;
        header[at + 1] = (byte) (value >>> 8);
    }

    private void flush() {
        long before = THREADS.getCurrentThreadAllocatedBytes();
        int result = bed.flush();
        allocatedBytes += THREADS.getCurrentThreadAllocatedBytes() - before;
        if (result == PasstBed.DIED) {
            died();
        } else if (result == PasstBed.LOST) {
            hostFrames.gone(bed.errno());
        }
    }

    private void receive(boolean takes) {
        long before = THREADS.getCurrentThreadAllocatedBytes();
        int result = (int) bed.receive();
        allocatedBytes += THREADS.getCurrentThreadAllocatedBytes() - before;
        if (result == PasstBed.DIED) {
            died();
        } else if (result == PasstBed.GONE) {
            hostFrames.gone(bed.errno());
        } else if (result == PasstBed.NOTHING) {
            hostFrames.nothing();
        } else {
            hostFrames.received(bed.received(result), checks, takes);
            if (takes) {
                bed.taken();
            }
        }
    }

    // ---- passt

    private void hostReads(int most) {
        int room = Math.min(Math.min(most, CHUNK), MOST_TO_HOST - toHostEnd);
        long count = room == 0 ? 0 : io.receive(passt, chunk, 0, room);
        if (count > 0) {
            MemorySegment.copy(chunk, ValueLayout.JAVA_BYTE, 0, toHost, toHostEnd, (int) count);
            toHostEnd += (int) count;
        }
    }

    private void hostFrame() {
        int kind = input.u8();
        int length = input.u16();
        byte[] frame = Packets.frame((kind & 0xF) % Packets.KINDS, length, ++marks);
        if ((kind & 0x80) != 0) {
            frame[frame.length - 1] ^= 1;
        }
        byte[] prefix = new byte[4];
        Packets.put32(prefix, 0, frame.length);
        queue(prefix, 0, prefix.length);
        queue(frame, 0, frame.length);
    }

    private void queue(byte[] bytes, int from, int count) {
        int taken = Math.min(count, pending.length - pendingEnd);
        System.arraycopy(bytes, from, pending, pendingEnd, taken);
        pendingEnd += taken;
    }

    private void hostWrites(int most) {
        int left = Math.min(Math.min(most, pendingEnd - pendingFrom), hostFrames.room());
        while (left > 0) {
            int bytes = Math.min(left, CHUNK);
            MemorySegment.copy(pending, pendingFrom, chunk, ValueLayout.JAVA_BYTE, 0, bytes);
            long count = io.send(passt, chunk, 0, bytes);
            if (count <= 0) {
                if (!Errno.EAGAIN.is(count)) {
                    throw new IllegalStateException("the fuzzer's own socket: " + count);
                }
                return;
            }
            hostFrames.wrote(pending, pendingFrom, (int) count);
            pendingFrom += (int) count;
            left -= (int) count;
        }
    }

    /** Passt reads all there is, and the guest takes all. */
    private void finish() {
        bed.dieAfter(0);
        int turns = 0;
        for (int before = -1; (bed.hasOutput() && !bed.isGone()) || toHostEnd != before; turns++) {
            if (turns > MOST_TURNS) {
                throw new FindingException("output without an end");
            }
            before = toHostEnd;
            flush();
            hostReads(CHUNK);
        }
        guestFrames.check(toHost, toHostEnd, hostFrames.deaths(), bed.isGone());
        for (int silent = 0; silent < 3 && !bed.isGone(); turns++) {
            if (turns > MOST_TURNS + MOST_FROM_HOST / PasstBed.SHORTEST_FRAME) {
                throw new FindingException("input without an end");
            }
            int result = (int) bed.receive();
            silent = result == PasstBed.NOTHING ? silent + 1 : 0;
            if (result > 0) {
                hostFrames.received(bed.received(result), checks, true);
                bed.taken();
            }
        }
        if (bed.isGone()) {
            hostFrames.gone(bed.errno());
        } else {
            hostFrames.ended();
        }
    }

    // ---- inputs

    @Override
    public List<Integer> parts(byte[] bytes) {
        List<Integer> parts = new ArrayList<>();
        for (int at = 0; at < bytes.length; ) {
            int length = Math.min(bytes.length - at, Step.lengthAt(bytes, at));
            parts.add(length);
            at += length;
        }
        return parts;
    }

    @Override
    public List<String> describe(byte[] bytes) {
        List<String> lines = new ArrayList<>();
        int at = 0;
        for (int length : parts(bytes)) {
            lines.add(Step.describe(Arrays.copyOfRange(bytes, at, at + length)));
            at += length;
        }
        return lines.isEmpty() ? List.of("nothing") : lines;
    }

    @Override
    public List<byte[]> seeds() {
        return PasstSeeds.all();
    }
}
