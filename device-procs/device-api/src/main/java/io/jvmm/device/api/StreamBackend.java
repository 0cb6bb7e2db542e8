package io.jvmm.device.api;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Poller;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A back end over one or two descriptors of any kind: a terminal, a pipe, a file, a pty master. A socket has {@link SocketBackend}.
 *
 * <p>Descriptors may be blocking (a terminal shares its flags with the user's shell, so nobody sets O_NONBLOCK there):
 * a blocking descriptor is read and written only after poll has said that it will not wait, and never with more bytes
 * than such a promise covers.
 *
 * <p>While no peer is there, output goes to the {@link Backlog} and the guest runs on; while one is there and slow, output
 * stays in the core and the guest sees that. See {@link Backend} for thread and hostility.
 */
public final class StreamBackend implements Backend {

    /** The most one read or write carries, unless {@link HostPorts#hostChunkBytes} says otherwise. */
    public static final int CHUNK_BYTES = 64;

    private static final int LEAST_STAGING_BYTES = 256;
    private static final int BROKEN = Poller.HANG_UP | Poller.ERROR | Poller.INVALID;
    private static final int MAX_WRITES_PER_FLUSH = 32;
    private static final long RETRY_NS = 250_000_000;

    /** What to do when the peer goes away. */
    public enum OnLoss {
        /** It cannot come back: a terminal, a file. */
        END,
        /** Look again from time to time: a pty, whose other end can be opened again. */
        RETRY
    }

    private enum Peer {
        PRESENT,
        ABSENT,
        LOST
    }

    private final int port;
    private final HostPorts core;
    private final HostEvents events;
    private final OnLoss onLoss;
    private final InputFilter filter;
    private final String help;
    private final boolean readAhead;
    private final Backlog backlog;
    private final int chunkBytes;
    private final MemorySegment bytes;
    private final UnsafeBuffer byteView;
    private final Poller justOut = new Poller(1);
    private final short[] staging;
    private int stagingHead;
    private int stagingCount;

    private @Nullable Fd in;
    private @Nullable Fd out;
    private boolean outBlocks;
    private int writeBytes;
    private int inIndex = -1;
    private int outIndex = -1;
    private Peer peer;
    private boolean inputEnded;
    private long inputBytes;
    private long outputBytes;
    private boolean outFull;
    private long retryNs = DeviceCore.NO_DEADLINE;

    /**
     * A back end over descriptors that are there from the start.
     *
     * @param in where input comes from, or null for none
     * @param out where output goes to, or null to discard it
     * @param filter sees every input byte; anything but {@link InputFilter#NONE} makes the back end read ahead, so that
     *     an escape key works while the guest does not listen
     * @param blockingWriteBytes how much a blocking {@code out} takes without waiting once poll calls it writable: 1 for
     *     a terminal, more for a pipe or file
     * @param backlogBytes how much output to keep while no peer is there
     */
    public StreamBackend(
            int port,
            HostPorts core,
            HostEvents events,
            @Nullable Fd in,
            @Nullable Fd out,
            OnLoss onLoss,
            InputFilter filter,
            int blockingWriteBytes,
            int backlogBytes) {
        this.port = port;
        this.core = core;
        this.events = events;
        this.onLoss = onLoss;
        this.filter = filter;
        this.help = filter.help();
        this.readAhead = !filter.equals(InputFilter.NONE);
        this.backlog = new Backlog(backlogBytes);
        this.chunkBytes = core.hostChunkBytes();
        this.bytes = Arena.ofAuto().allocate(chunkBytes);
        this.byteView = new UnsafeBuffer(bytes.address(), chunkBytes);
        this.staging = new short[Math.max(chunkBytes, LEAST_STAGING_BYTES)];
        this.in = in;
        this.out = out;
        this.outBlocks = out != null && !out.nonBlocking();
        this.writeBytes = outBlocks ? Math.min(blockingWriteBytes, chunkBytes) : chunkBytes;
        this.inputEnded = in == null;
        this.peer = in == null && out == null ? Peer.LOST : Peer.PRESENT;
        if (out != null && outBlocks) {
            justOut.add(out, Poller.WRITABLE);
        }
    }

    @Override
    public int port() {
        return port;
    }

    @Override
    public long inputBytes() {
        return inputBytes;
    }

    @Override
    public long outputBytes() {
        return outputBytes;
    }

    @Override
    public long droppedBytes() {
        return backlog.dropped();
    }

    @Override
    public boolean attach(Poller poller, long nowNs) {
        if (in != null) {
            inIndex = poller.add(in, 0);
        }
        if (out != null && out != in) {
            outIndex = poller.add(out, 0);
        }
        unwatch(poller);
        if (onLoss == OnLoss.RETRY) {
            peer = Peer.ABSENT;
            retry(nowNs); // whoever is there already is no late comer
        }
        core.hostCarrier(port, peer == Peer.PRESENT, nowNs);
        return true;
    }

    @Override
    public void watch(Poller poller) {
        if (peer != Peer.PRESENT) {
            unwatch(poller);
            return;
        }
        int wantInput = !inputEnded && inputRoom() > 0 ? Poller.READABLE : 0;
        int wantOutput = outFull ? Poller.WRITABLE : 0;
        if (outIndex < 0) {
            watch(poller, inIndex, in, wantInput | wantOutput, inputEnded);
        } else {
            watch(poller, inIndex, in, wantInput, false);
            watch(poller, outIndex, out, wantOutput, true);
        }
    }

    /** Poll always tells of a hang-up, asked or not: so a descriptor nothing is wanted of is not shown to it. */
    private static void watch(Poller poller, int index, @Nullable Fd fd, int events, boolean wantHangUp) {
        if (fd == null || index < 0) {
            return;
        }
        if (events == 0 && !wantHangUp) {
            poller.ignore(index);
        } else {
            poller.watch(index, fd, events);
        }
    }

    @Override
    public void unwatch(Poller poller) {
        if (inIndex >= 0) {
            poller.ignore(inIndex);
        }
        if (outIndex >= 0) {
            poller.ignore(outIndex);
        }
    }

    private int inputRoom() {
        return readAhead ? staging.length - stagingCount : stagingCount > 0 ? 0 : core.hostInputRoom(port);
    }

    @Override
    public boolean service(Poller poller, long nowNs) {
        if (peer == Peer.ABSENT && onLoss == OnLoss.RETRY && nowNs >= retryNs) {
            return retry(nowNs);
        }
        if (peer != Peer.PRESENT) {
            return false;
        }
        boolean shared = outIndex < 0;
        int inReady = inIndex >= 0 ? poller.ready(inIndex) : 0;
        int outReady = shared ? inReady : poller.ready(outIndex);
        boolean changed = false;
        if ((inReady & (Poller.READABLE | BROKEN)) != 0 && !inputEnded && inputRoom() > 0) {
            changed = readSome(nowNs);
        }
        if (peer == Peer.PRESENT && (outReady & Poller.WRITABLE) != 0) {
            outFull = false;
            changed |= flush(nowNs);
        }
        // On a shared descriptor a hang-up may come before the last bytes are read: then reading finds the end.
        boolean nothingToRead = !shared || inputEnded || inputRoom() == 0;
        if (peer == Peer.PRESENT && (outReady & BROKEN) != 0 && nothingToRead) {
            lost(0, nowNs);
            changed = true;
        }
        return changed;
    }

    private boolean readSome(long nowNs) {
        Fd from = in;
        if (from == null) {
            return false;
        }
        int limit = Math.min(inputRoom(), chunkBytes);
        long count = FileIo.tryRead(from, bytes, 0, limit);
        if (count > 0) {
            inputBytes += count;
            for (int i = 0; i < count; i++) {
                take(byteView.getByte(i) & 0xFF);
            }
            return deliver(nowNs);
        }
        if (Errno.EAGAIN.is(count) || Errno.EINTR.is(count)) {
            return false;
        }
        if (count == 0 && onLoss != OnLoss.RETRY) {
            inputEnded = true; // the peer sends no more, but may go on listening
            return false;
        }
        lost((int) -count, nowNs);
        return true;
    }

    private void take(int value) {
        int filtered = filter.filter(value);
        if (filtered == InputFilter.HELP) {
            for (int i = 0; i < help.length(); i++) {
                backlog.add((byte) help.charAt(i)); // goes out ahead of what the guest has to say
            }
        } else if (filtered != InputFilter.SWALLOWED) {
            staging[(stagingHead + stagingCount) % staging.length] = (short) filtered;
            stagingCount++;
        }
    }

    @Override
    public boolean deliver(long nowNs) {
        boolean changed = false;
        while (stagingCount > 0 && core.hostInputRoom(port) > 0) {
            if (staging[stagingHead] == InputFilter.BREAK) {
                unstage(1);
                core.hostBreak(port, nowNs);
            } else {
                int count = stagedBytes();
                int taken = core.hostInput(port, byteView, 0, count, nowNs);
                unstage(taken);
                if (taken < count) {
                    return changed || taken > 0;
                }
            }
            changed = true;
        }
        return changed;
    }

    /** Copies staged bytes up to the next break to the chunk, as many as fit. */
    private int stagedBytes() {
        int count = 0;
        while (count < stagingCount && count < chunkBytes) {
            short value = staging[(stagingHead + count) % staging.length];
            if (value == InputFilter.BREAK) {
                break;
            }
            byteView.putByte(count++, (byte) value);
        }
        return count;
    }

    private void unstage(int count) {
        stagingHead = (stagingHead + count) % staging.length;
        stagingCount -= count;
    }

    @Override
    public boolean flush(long nowNs) {
        boolean changed = false;
        for (int i = 0; i < MAX_WRITES_PER_FLUSH && !outFull; i++) {
            Peer before = peer;
            int sent = flushOnce(nowNs);
            if (sent == 0 && peer == before) {
                break;
            }
            changed = true; // a peer that has just gone changes the device, too, and the rest goes where nobody waits
        }
        return changed;
    }

    /** One write: the backlog first, then what the core has. Returns bytes moved; 0 when there is nothing to do. */
    private int flushOnce(long nowNs) {
        Fd to = out;
        if (peer == Peer.PRESENT && backlog.size() > 0 && to != null) {
            int count = Math.min(backlog.size(), writeBytes);
            for (int i = 0; i < count; i++) {
                byteView.putByte(i, backlog.get(i));
            }
            int written = write(to, count, nowNs);
            backlog.drop(Math.max(written, 0));
            return Math.max(written, 0);
        }
        int count = core.hostOutput(port, byteView, 0, peer == Peer.PRESENT ? writeBytes : chunkBytes);
        if (count == 0) {
            return 0;
        }
        if (peer != Peer.PRESENT || to == null) {
            for (int i = 0; i < count; i++) {
                backlog.add(byteView.getByte(i));
            }
            core.hostOutputDone(port, count, nowNs);
            return count;
        }
        int written = write(to, count, nowNs);
        if (written > 0) {
            core.hostOutputDone(port, written, nowNs);
        }
        return Math.max(written, 0);
    }

    /** Writes the first {@code count} bytes of the chunk; 0 when the host is full or gone. */
    private int write(Fd to, int count, long nowNs) {
        if (outBlocks) {
            justOut.await(0);
            if (!justOut.isReady(0, Poller.WRITABLE | Poller.ERROR | Poller.HANG_UP)) {
                outFull = true;
                return 0;
            }
        }
        long written = FileIo.tryWrite(to, bytes, 0, count);
        if (written >= 0) {
            outputBytes += written;
            outFull = written < count;
            return (int) written;
        }
        if (Errno.EINTR.is(written)) {
            return 0;
        }
        if (Errno.EAGAIN.is(written)) {
            outFull = true;
            return 0;
        }
        lost((int) -written, nowNs);
        return 0;
    }

    /** The peer is gone: the guest sees carrier drop, and what it sends from now on is kept or counted, not waited for. */
    private void lost(int errno, long nowNs) {
        peer = onLoss == OnLoss.END ? Peer.LOST : Peer.ABSENT;
        outFull = false;
        retryNs = onLoss == OnLoss.RETRY ? nowNs + RETRY_NS : DeviceCore.NO_DEADLINE;
        if (onLoss == OnLoss.END) {
            inputEnded = true;
        }
        core.hostCarrier(port, false, nowNs);
        boolean justLeft = errno == 0 || Errno.EIO.is(-errno);
        if (onLoss == OnLoss.END || !justLeft) {
            events.backendLost(port, errno); // a user of a pty comes and goes; that is no news
        }
    }

    /** A pty: while the other end is closed the master hangs up; once it does not, somebody is there again. */
    private boolean retry(long nowNs) {
        Fd to = out;
        if (to == null) {
            retryNs = DeviceCore.NO_DEADLINE;
            return false;
        }
        if (justOut.count() == 0) {
            justOut.add(to, Poller.WRITABLE);
        }
        justOut.await(0);
        if (justOut.isReady(0, Poller.HANG_UP | Poller.ERROR)) {
            retryNs = nowNs + RETRY_NS;
            return false;
        }
        retryNs = DeviceCore.NO_DEADLINE;
        peer = Peer.PRESENT;
        core.hostCarrier(port, true, nowNs);
        return true;
    }

    @Override
    public long nextDeadlineNs() {
        return retryNs;
    }
}
