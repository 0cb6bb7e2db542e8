package io.jvmm.fuzz.host;

import io.jvmm.fuzz.machine.HostModel;
import io.jvmm.ipc.trace.RecordType;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.agrona.MutableDirectBuffer;
import org.jspecify.annotations.Nullable;

/**
 * The host of a virtio socket function: a supervisor on the connect channel, and sockets. As the supervisor does, it keeps the stream memory and each
 * socket whose end nobody has told it, and brings them to a successor.
 *
 * <pre>
 *   event, what modulo 16
 *   0  a client comes                    5  the socket is hung up        10  what was asked for is connected
 *   1  a socket has which bytes to read  6  it has an error              11  it is refused
 *   2  it has room                       7  all at once                  12  a message that is none, with descriptor
 *   3  the peer sends no more            8..9 nothing                    13  the supervisor closes the channel
 *   4  both                              14..15 nothing
 * </pre>
 */
public final class VsockModel extends HostModel {
    private static final int ATTACH = 64;
    private static final int SERVE = 65;
    private static final int DELIVER = 66;
    private static final int STREAMS = 72;
    private static final int CLOCK = 74;
    private static final int POLL = 80;
    private static final int EVENT = 81;
    private static final int EVENT_BITS = 82;
    private static final int WATCH = 83;
    private static final int CHANGE = 84;
    private static final int UNWATCH = 85;
    private static final int PEEK = 88;
    private static final int RECEIVE = 89;
    private static final int SEND = 90;
    private static final int CLOSE = 92;
    private static final int CHANNEL = 96;
    private static final int LEAVE_CHANNEL = 97;
    private static final int CLOSED = 98;
    private static final int ASK = 99;
    private static final int TELL_CLOSED = 100;
    private static final int RESUME = 101;
    private static final int NEXT = 102;
    private static final int DESCRIPTOR = 103;
    private static final int LOST_DESCRIPTOR = 104;

    private static final int CONNECTED = 1;
    private static final int CLIENT = 2;
    private static final int HELD = 3;
    private static final int END = 4;
    private static final int CLIENT_ID = 1 << 31;
    private static final int NO_DESCRIPTOR = -1;

    private static final int READABLE = 0x001;
    private static final int WRITABLE = 0x004;
    private static final int ERROR = 0x008;
    private static final int HANG_UP = 0x010;
    private static final int PEER_CLOSED = 0x2000;

    private static final int EAGAIN = 11;
    private static final int EPIPE = 32;
    private static final int ECONNRESET = 104;

    private static final int MOST = 32;
    private static final int MOST_MESSAGES = 2 * MOST;
    private static final int FIRST_SOCKET = 100;
    private static final byte[] LINE = "CONNECT 1024\n".getBytes(StandardCharsets.US_ASCII);

    /** How many descriptors of a socket the process has. */
    private final int[] open = new int[MOST];

    /** The id by which the supervisor keeps a socket; 0 when it does not. */
    private final int[] held = new int[MOST];

    private boolean fresh;
    /** The process's stream memory, but for the bytes of connections. */
    private @Nullable MutableDirectBuffer streams;

    private int streamsBytes;
    private byte[] kept = {};
    private final boolean[] watched = new boolean[MOST];
    private final boolean[] ended = new boolean[MOST];
    private final boolean[] failed = new boolean[MOST];
    private final long[] about = new long[MOST];
    private final int[] waiting = new int[MOST];
    private final int[] readyBits = new int[MOST];
    private final int[] asked = new int[MOST];
    private int askedCount;
    private final int[] messages = new int[MOST_MESSAGES];
    private final int[] messageIds = new int[MOST_MESSAGES];
    private final int[] messageSockets = new int[MOST_MESSAGES];
    private int messageCount;
    private int descriptor;
    private long channelAbout;
    private boolean channelOpen;
    private boolean channelClosed;
    private int clients;
    private final long[] eventAbout = new long[MOST + 1];
    private final int[] eventBits = new int[MOST + 1];
    private int eventAt;
    private int bitsAt;
    private long argument;
    private long lengthBytes;
    private byte[] peeked = LINE;
    private final byte[] chosenLine = new byte[MOST];

    @Override
    protected void end() {
        MutableDirectBuffer left = streams;
        if (left != null) {
            kept = new byte[streamsBytes];
            left.getBytes(0, kept, 0, streamsBytes);
        }
    }

    @Override
    protected void begin(boolean isFresh) {
        fresh = isFresh;
        if (fresh) {
            Arrays.fill(held, 0);
        }
        Arrays.fill(open, 0);
        Arrays.fill(watched, false);
        askedCount = 0;
        messageCount = 0;
        channelOpen = false;
        channelClosed = false;
        clients = 0;
    }

    @Override
    protected void join(Calls calls) {
        calls.call(ATTACH, 0, 0, 0);
    }

    private int newSocket() {
        for (int i = 0; i < MOST; i++) {
            if (open[i] == 0 && held[i] == 0) {
                open[i] = 1;
                watched[i] = false;
                ended[i] = false;
                failed[i] = false;
                waiting[i] = 0;
                readyBits[i] = 0;
                return FIRST_SOCKET + i;
            }
        }
        return NO_DESCRIPTOR;
    }

    private void say(int what, int id, int socket) {
        if (messageCount < MOST_MESSAGES) {
            if (socket != NO_DESCRIPTOR) {
                held[place(socket)] = id;
            }
            messages[messageCount] = what;
            messageIds[messageCount] = id;
            messageSockets[messageCount++] = socket;
        }
    }

    @Override
    protected void event(int what, int which, Calls calls) {
        int socket = which & MOST - 1;
        switch (what & 15) {
            case 0 -> say(CLIENT, CLIENT_ID | ++clients, newSocket());
            case 1 -> {
                waiting[socket] += which;
                readyBits[socket] |= READABLE;
            }
            case 2 -> readyBits[socket] |= WRITABLE;
            case 3 -> {
                ended[socket] = true;
                readyBits[socket] |= READABLE | PEER_CLOSED;
            }
            case 4 -> readyBits[socket] |= READABLE | WRITABLE;
            case 5 -> {
                ended[socket] = true;
                readyBits[socket] |= READABLE | HANG_UP | PEER_CLOSED;
            }
            case 6 -> {
                failed[socket] = true;
                readyBits[socket] |= ERROR | READABLE;
            }
            case 7 -> readyBits[socket] |= ERROR | READABLE | WRITABLE | HANG_UP | PEER_CLOSED;
            case 10 -> answerAsked(which, true);
            case 11 -> answerAsked(which, false);
            case 12 -> say(which & 0xFF, which << 16 | which, newSocket());
            case 13 -> channelClosed = true;
            default -> {}
        }
        service(calls);
    }

    private void answerAsked(int which, boolean well) {
        if (askedCount > 0) {
            int at = which % askedCount;
            say(CONNECTED, asked[at], well ? newSocket() : NO_DESCRIPTOR);
            askedCount--;
            System.arraycopy(asked, at + 1, asked, at, askedCount - at);
        }
    }

    private boolean isReady() {
        if (channelOpen && (messageCount > 0 || channelClosed)) {
            return true;
        }
        for (int i = 0; i < MOST; i++) {
            if (open[i] > 0 && watched[i] && readyBits[i] != 0) {
                return true;
            }
        }
        return false;
    }

    @Override
    protected void service(Calls calls) {
        calls.call(DELIVER, 0, 0, 0);
        if (isReady()) {
            calls.call(SERVE, 0, 0, 0);
        }
    }

    @Override
    protected void behave(Calls calls) {
        while (askedCount > 0 && messageCount < MOST_MESSAGES) {
            answerAsked(0, true);
        }
        for (int i = 0; i < MOST; i++) {
            readyBits[i] |= WRITABLE;
        }
        service(calls);
    }

    private int place(long socket) {
        return (int) (socket - FIRST_SOCKET) & MOST - 1;
    }

    @Override
    protected void output(int method, long a, long b, long c) {
        argument = a;
        lengthBytes = b;
        switch (method) {
            case WATCH, CHANGE -> {
                watched[place(a)] = true;
                about[place(a)] = c;
                if (method == WATCH) {
                    readyBits[place(a)] |=
                            (ended[place(a)] ? READABLE | PEER_CLOSED : 0) | (failed[place(a)] ? ERROR : 0);
                }
                readyBits[place(a)] |= waiting[place(a)] > 0 ? READABLE : 0;
            }
            case UNWATCH -> watched[place(a)] = false;
            case CLOSE -> {
                open[place(a)] = Math.max(0, open[place(a)] - 1);
                watched[place(a)] &= open[place(a)] > 0;
            }
            case CHANNEL -> channelAbout = a;
            case LEAVE_CHANNEL -> channelOpen = false;
            case RESUME -> bring((int) a);
            case TELL_CLOSED -> {
                for (int i = 0; i < MOST; i++) {
                    held[i] = held[i] == (int) a ? 0 : held[i];
                }
            }
            default -> {}
        }
    }

    @Override
    protected long answer(int method) {
        return switch (method) {
            case STREAMS -> 0; // not blank; of a fresh process nobody asks
            case RESUME, TELL_CLOSED -> 1;
            case CLOCK -> 1;
            case CHANNEL -> {
                channelOpen = true;
                yield 1;
            }
            case CLOSED -> channelClosed ? 1 : 0;
            case ASK -> ask();
            case POLL -> poll();
            case EVENT -> eventAbout[eventAt++];
            case EVENT_BITS -> eventBits[bitsAt++];
            case NEXT -> next();
            case DESCRIPTOR -> descriptor;
            case PEEK -> peek();
            case RECEIVE -> receive();
            case SEND -> send();
            case WATCH, CHANGE, LOST_DESCRIPTOR -> 0;
            default -> answers().next();
        };
    }

    /** All that the supervisor keeps, and that this is all. */
    private void bring(int nonce) {
        for (int i = 0; i < MOST; i++) {
            if (held[i] != 0) {
                open[i]++;
                say(HELD, held[i], FIRST_SOCKET + i);
            }
        }
        say(END, nonce, NO_DESCRIPTOR);
    }

    private void passStreams(MutableDirectBuffer bytes, int offset, int length) {
        streams = bytes;
        streamsBytes = offset + length;
        if (!fresh && offset + length <= kept.length) {
            bytes.putBytes(offset, kept, offset, length);
        }
    }

    private long ask() {
        if (channelClosed || askedCount == MOST) {
            return 0;
        }
        asked[askedCount++] = (int) argument;
        return 1;
    }

    private long poll() {
        int count = 0;
        if (channelOpen && (messageCount > 0 || channelClosed)) {
            eventAbout[count] = channelAbout;
            eventBits[count++] = READABLE;
        }
        for (int i = 0; i < MOST; i++) {
            if (open[i] > 0 && watched[i] && readyBits[i] != 0) {
                eventAbout[count] = about[i];
                eventBits[count++] = readyBits[i];
                readyBits[i] = 0;
            }
        }
        eventAt = 0;
        bitsAt = 0;
        return count;
    }

    private long next() {
        if (messageCount == 0) {
            return 0;
        }
        long message = (long) messageIds[0] << Integer.SIZE | messages[0];
        descriptor = messageSockets[0];
        messageCount--;
        System.arraycopy(messages, 1, messages, 0, messageCount);
        System.arraycopy(messageIds, 1, messageIds, 0, messageCount);
        System.arraycopy(messageSockets, 1, messageSockets, 0, messageCount);
        return message;
    }

    private long peek() {
        int chosen = answers().next();
        if (chosen == 0) {
            peeked = LINE;
            return Math.min(LINE.length, lengthBytes);
        }
        if (chosen == 1) {
            return -EAGAIN;
        }
        for (int i = 0; i < MOST; i++) {
            chosenLine[i] = (byte) answers().next();
        }
        peeked = chosenLine;
        return Math.min(chosen % (MOST + 1), lengthBytes);
    }

    @Override
    protected void answerBytes(int method, MutableDirectBuffer bytes, int offset, int length) {
        if (method == STREAMS) {
            passStreams(bytes, offset, length);
        } else if (method == PEEK) {
            bytes.putBytes(offset, peeked, 0, Math.min(length, peeked.length));
        } else {
            super.answerBytes(method, bytes, offset, length);
        }
    }

    private long receive() {
        int socket = place(argument);
        if (failed[socket]) {
            return -ECONNRESET;
        }
        if (waiting[socket] > 0) {
            long taken = Math.min(waiting[socket], lengthBytes);
            waiting[socket] -= (int) taken;
            return taken;
        }
        return ended[socket] ? 0 : lengthBytes <= LINE.length ? lengthBytes : -EAGAIN;
    }

    private long send() {
        int chosen = answers().next();
        return switch (chosen) {
            case 0 -> lengthBytes;
            case 1 -> -EAGAIN;
            case 2 -> -EPIPE;
            default -> Math.max(1, lengthBytes * chosen / 256);
        };
    }

    /** Sockets get the first free place, here as there: what is read is of the one that was made last. */
    @Override
    protected void recall(RecordType type, int method, long a, long b, long c, Script script) {
        if (type != RecordType.ANSWER) {
            return;
        }
        switch (method) {
            case NEXT -> {
                if ((int) a == CLIENT) {
                    script.event(0, 0);
                } else if ((int) a == CONNECTED) {
                    script.event(10, 0);
                }
            }
            case RECEIVE -> {
                if (a > LINE.length) {
                    script.event(1, Math.clamp(a, MOST, 0x7FFF) & -MOST);
                } else if (a == 0) {
                    script.event(3, 0);
                }
            }
            case SEND -> script.answer(a == -EAGAIN ? 1 : a < 0 ? 2 : 0);
            default -> {}
        }
    }

    @Override
    protected void recallBytes(int method, byte[] bytes, Script script) {
        if (method == PEEK) {
            script.answer(Math.max(bytes.length, 2));
            for (int i = 0; i < MOST; i++) {
                script.answer(i < bytes.length ? bytes[i] & 0xFF : 0);
            }
            script.event(4, 0);
        }
    }
}
