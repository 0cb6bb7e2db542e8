package io.jvmm.device.api;

import io.jvmm.ipc.stream.PortStreamLayout;
import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Poller;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * A port behind a unix socket of the host, at which the supervisor listens: one client at a time, the next waits until the first has gone.
 * Without a client the carrier is low, the newest output is kept for whoever comes, and the guest runs on. See {@link Backend}.
 *
 * <p>Supervisor and {@link PortStream} keep the client's connection and its bytes when the process dies: no byte is lost, and none comes
 * twice. Between the guest and the socket each byte goes through a ring. It leaves or enters the core in a transaction, whose commit holds
 * the positions of both rings ({@link HostPorts#hostPositions}); the socket takes only what has been committed, and the kernel itself writes
 * down how much that was.
 */
final class SocketBackend implements Backend {

    private static final int MOST_MESSAGES = 8;

    /** Pieces of output taken in a row while nobody is there. */
    private static final int MOST_PIECES = 8;

    private static final int BROKEN = Poller.HANG_UP | Poller.ERROR | Poller.INVALID;

    private final int port;
    private final HostPorts core;
    private final HostEvents events;
    private final ClientChannel channel;
    private final PortStream stream;
    private final InputFilter filter;
    private final String help;
    private final boolean readAhead;
    private final int chunkBytes;
    private final UnsafeBuffer chunk;
    /** What the filter says of each byte of the input ring. */
    private final short[] meaning = new short[PortStreamLayout.IN_BYTES];

    private int channelIndex;
    private int clientIndex;
    private boolean inputEnded;
    private long inputBytes;
    private long outputBytes;
    private boolean outFull;
    private long dropped;

    /** Behind the last byte that the core has taken, and that it has given. */
    private long in;

    private long out;
    private long committedIn;
    private long committedOut;
    /** Behind the last byte that went through the filter. */
    private long filtered;

    /**
     * @param stream may be that of a predecessor
     * @throws StateRejectedException when the state of the core is not of this stream
     */
    SocketBackend(int port, HostPorts core, HostEvents events, Fd connect, PortStream stream, InputFilter filter) {
        this.port = port;
        this.core = core;
        this.events = events;
        this.channel = new ClientChannel(connect, Clock.monotonicNs());
        this.stream = stream;
        this.filter = filter;
        this.help = filter.help();
        this.readAhead = !filter.equals(InputFilter.NONE);
        this.chunkBytes = core.hostChunkBytes();
        this.chunk = new UnsafeBuffer(new byte[chunkBytes]);
        if (!beginsAnew()) {
            stream.check(core.hostInputPosition(port), core.hostOutputPosition(port));
        }
    }

    /** Whether the state knows nothing of the stream: after a reset of the machine a fresh one goes on with what there is. */
    private boolean beginsAnew() {
        return stream.blank() || core.hostInputPosition(port) == 0 || core.hostOutputPosition(port) == 0;
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
        return dropped;
    }

    /** The stream, for tests. */
    PortStream stream() {
        return stream;
    }

    @Override
    public boolean attach(Poller poller, long nowNs) {
        channelIndex = poller.add(channel.fd(), 0);
        clientIndex = poller.add(channel.fd(), 0); // a place for the client to come
        unwatch(poller);
        boolean anew = beginsAnew();
        in = anew ? stream.taken() : core.hostInputPosition(port);
        out = anew ? stream.given() : core.hostOutputPosition(port);
        filtered = in;
        committedIn = in;
        committedOut = out;
        stream.committed(in, out); // which a predecessor may not have come to say
        core.hostPositions(port, in, out);
        filter();
        return true;
    }

    // ---- what is to be watched

    @Override
    public void watch(Poller poller) {
        if (channel.closed()) {
            poller.ignore(channelIndex);
        } else {
            poller.watch(channelIndex, channel.fd(), Poller.READABLE);
        }
        Fd to = channel.client();
        int wanted = (inputRoom() > 0 ? Poller.READABLE : 0) | (outFull ? Poller.WRITABLE : 0);
        // Poll always tells of a hang-up, asked or not: so a client of whom nothing is wanted is not shown to it.
        if (to == null || (wanted == 0 && !inputEnded)) {
            poller.ignore(clientIndex);
        } else {
            poller.watch(clientIndex, to, wanted);
        }
    }

    @Override
    public void unwatch(Poller poller) {
        poller.ignore(channelIndex);
        poller.ignore(clientIndex);
    }

    /** How much may be read now. */
    private int inputRoom() {
        if (inputEnded || (!readAhead && filtered > in)) {
            return 0;
        }
        int wanted = readAhead ? chunkBytes : Math.min(chunkBytes, core.hostInputRoom(port));
        return Math.min(wanted, stream.room(committedIn));
    }

    @Override
    public boolean service(Poller poller, long nowNs) {
        if (poller.ready(channelIndex) != 0 && takeMessages(nowNs)) {
            return true; // whoever is there now, what poll has found may not be about him
        }
        Fd from = channel.client();
        if (from == null) {
            return false;
        }
        boolean changed = false;
        int ready = poller.ready(clientIndex);
        if ((ready & (Poller.READABLE | BROKEN)) != 0 && inputRoom() > 0) {
            changed |= readSome(from, nowNs);
        }
        if ((ready & Poller.WRITABLE) != 0) {
            outFull = false;
            changed |= flush(nowNs);
        }
        // A hang-up may come before the last bytes are read: then reading finds the end.
        if ((ready & BROKEN) != 0 && inputRoom() == 0 && channel.client() != null) {
            lost(0, nowNs);
            changed = true;
        }
        return changed;
    }

    // ---- the client

    private boolean takeMessages(long nowNs) {
        boolean changed = false;
        for (int i = 0; i < MOST_MESSAGES && channel.next(); i++) {
            switch (channel.what()) {
                case CLIENT -> {
                    if (channel.client() != null) {
                        core.hostCarrier(port, false, nowNs); // the supervisor knows that this one has gone
                    }
                    channel.accept();
                    inputEnded = false;
                    outFull = false;
                    core.hostCarrier(port, true, nowNs);
                    changed = true;
                }
                case JOINED -> changed |= joined(nowNs);
                case NOTHING -> {}
            }
        }
        if (channel.closed() && channel.joining()) {
            channel.giveUpJoining();
            changed |= joined(nowNs);
        }
        return changed;
    }

    /** Now it is known whether there is a client: until then the line stays as the predecessor left it. */
    private boolean joined(long nowNs) {
        if (channel.client() == null) {
            core.hostCarrier(port, false, nowNs);
        }
        return channel.client() == null;
    }

    /** The client is gone: the guest sees carrier drop, and what it sends from now on is kept or counted, not waited for. */
    private void lost(int errno, long nowNs) {
        readLast();
        channel.drop();
        outFull = false;
        core.hostCarrier(port, false, nowNs);
        boolean justLeft = errno == 0 || Errno.EPIPE.is(-errno) || Errno.ECONNRESET.is(-errno);
        if (!justLeft) {
            events.backendLost(port, errno); // a user comes and goes; that is no news
        }
    }

    // ---- input

    /** What the client had sent before it left waits in the ring, as much as fits there, and no longer for the guest to have room. */
    private void readLast() {
        Fd from = channel.client();
        if (from == null || inputEnded) {
            return;
        }
        long count;
        do {
            int room = stream.room(committedIn);
            count = room == 0 ? 0 : stream.receive(from.number(), room);
        } while (count > 0);
        filter();
    }

    private boolean readSome(Fd from, long nowNs) {
        long count = stream.receive(from.number(), inputRoom());
        if (count > 0) {
            inputBytes += count;
            boolean changed = filter();
            return deliverRead(nowNs) || changed;
        }
        if (Errno.EAGAIN.is(count) || Errno.EINTR.is(count)) {
            return false;
        }
        if (count == 0) {
            inputEnded = true; // the client sends no more, but may go on listening
            return false;
        }
        lost((int) -count, nowNs);
        return true;
    }

    /** What was read goes through the filter; whether that made output. */
    private boolean filter() {
        long outBefore = out;
        for (long received = stream.received(); filtered < received; filtered++) {
            int at = PortStream.inAt(filtered);
            int value = filter.filter(stream.input().getByte(at) & 0xFF);
            if (value == InputFilter.HELP) {
                help();
                value = InputFilter.SWALLOWED;
            }
            meaning[at] = (short) value;
        }
        return out != outBefore;
    }

    private void help() {
        if (uncommittedRoom() >= help.length() && out + help.length() - stream.sent() <= PortStreamLayout.OUT_BYTES) {
            for (int i = 0; i < help.length(); i++) {
                stream.put(out + i, (byte) help.charAt(i));
            }
            out += help.length();
            core.hostPositions(port, in, out);
        }
    }

    @Override
    public boolean deliver(long nowNs) {
        boolean changed = false;
        if (channel.work(nowNs)) {
            events.warn("port " + port + ": the supervisor does not say whether there is a client");
            changed = joined(nowNs);
        }
        return deliverRead(nowNs) || changed;
    }

    private boolean deliverRead(long nowNs) {
        long before = in;
        boolean room = true;
        while (room && in < filtered) {
            int at = PortStream.inAt(in);
            if (meaning[at] == InputFilter.SWALLOWED) {
                in++;
            } else if (core.hostInputRoom(port) == 0) {
                room = false;
            } else if (meaning[at] == InputFilter.BREAK) {
                core.hostBreak(port, nowNs);
                in++;
            } else {
                int count = staged();
                int taken = core.hostInput(port, chunk, 0, count, nowNs);
                in += taken;
                room = taken == count;
            }
        }
        if (in != before) {
            core.hostPositions(port, in, out);
        }
        return in != before;
    }

    /** Copies input up to the next byte that is none to the chunk, as much as fits. */
    private int staged() {
        int count = 0;
        while (count < chunkBytes && in + count < filtered) {
            int value = meaning[PortStream.inAt(in + count)];
            if (value < 0) {
                break;
            }
            chunk.putByte(count++, (byte) value);
        }
        return count;
    }

    // ---- output

    @Override
    public boolean flush(long nowNs) {
        boolean changed = send(nowNs);
        return take(nowNs) || changed;
    }

    /** Sends what is committed; whether the client turned out to be gone. */
    private boolean send(long nowNs) {
        Fd to = channel.client();
        while (to != null && !outFull && stream.sent() < committedOut) {
            long waiting = committedOut - stream.sent();
            long result = stream.send(to.number(), committedOut);
            if (result >= 0) {
                outputBytes += result;
                outFull = result < waiting;
            } else if (Errno.EAGAIN.is(result)) {
                outFull = true;
            } else if (Errno.EINTR.is(result)) {
                return false;
            } else {
                lost((int) -result, nowNs);
                return true;
            }
        }
        return false;
    }

    /** Takes what the core has: with a client, no more than it takes at once; without one, in place of the oldest. */
    private boolean take(long nowNs) {
        long before = out;
        boolean nobody = channel.client() == null && !channel.joining();
        for (int piece = 0; piece < MOST_PIECES; piece++) {
            long limit = nobody ? uncommittedRoom() : chunkBytes - (out - stream.sent());
            int count = limit <= 0 ? 0 : core.hostOutput(port, chunk, 0, (int) Math.min(limit, chunkBytes));
            if (count == 0) {
                break;
            }
            long oldest = out + count - PortStreamLayout.OUT_BYTES;
            if (oldest > stream.sent()) {
                dropped += oldest - stream.sent();
                stream.skipTo(oldest);
            }
            stream.put(out, chunk, count);
            out += count;
            core.hostOutputDone(port, count, nowNs);
        }
        if (out != before) {
            core.hostPositions(port, in, out);
        }
        return out != before;
    }

    /** Bytes dropped must not be such as a successor still knows only from the core. */
    private long uncommittedRoom() {
        return PortStreamLayout.OUT_BYTES / 2 - (out - committedOut);
    }

    @Override
    public void committed() {
        if (committedIn != in || committedOut != out) {
            committedIn = in;
            committedOut = out;
            stream.committed(in, out);
        }
    }

    /** The machine stops, or another process goes on: what the client takes without waiting it gets. */
    @Override
    public boolean settle(long nowNs, long patienceNs) {
        return send(nowNs);
    }

    @Override
    public long nextDeadlineNs() {
        return channel.nextDeadlineNs();
    }

    /** As the process's end would, without a word: a scratch machine is taken down, or a test plays a death. */
    @Override
    public void close() {
        channel.close();
        stream.close();
    }
}
