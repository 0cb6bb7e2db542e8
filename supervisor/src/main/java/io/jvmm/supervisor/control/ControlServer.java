package io.jvmm.supervisor.control;

import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.UnixSocket;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The control socket: takes requests from a few clients and passes them to the machine, within the event loop's poll and without
 * ever making it wait. It outlives a reset of the guest. Clients have this user's rights (the socket's mode is 0600), so they are
 * trusted not to want harm, but not to be well-made: everything of theirs is bounded.
 */
public final class ControlServer implements AutoCloseable {
    /** More than a user and their scripts need. When one more comes, the one that is idle longest has to go. */
    static final int MOST_CLIENTS = 8;

    /** After so long descriptors may have come free. */
    private static final long FULL_NS = 100_000_000L;

    private final UnixSocket listening;
    private final @Nullable ControlClient[] clients = new @Nullable ControlClient[MOST_CLIENTS];
    private final int[] places = new int[MOST_CLIENTS];
    private int listeningPlace;

    /** Nobody is taken in until then, for want of descriptors: who waits would keep the loop awake. 0 when there are some. */
    private long fullUntilNs;

    private @Nullable PollSet poll;
    private @Nullable ControlHandler handler;

    /** Serves a socket that listens and does not wait; takes it over. */
    public ControlServer(Fd listening) {
        this.listening = UnixSocket.of(listening);
    }

    /** A life of the machine begins. */
    public void join(PollSet set, ControlHandler machine) {
        poll = set;
        handler = machine;
        listeningPlace = set.take(listening.fd(), Poller.READABLE);
        for (int i = 0; i < MOST_CLIENTS; i++) {
            @Nullable ControlClient c = clients[i];
            if (c != null) {
                places[i] = set.take(c.fd(), 0);
                place(i);
            }
        }
    }

    /** A life of the machine is over: whoever waits for it is told so. */
    public void leave() {
        handler = null;
        poll = null;
        for (@Nullable ControlClient c : clients) {
            if (c != null && !c.idle()) {
                answer(c, Optional.empty(), ControlReply.Failed.because("the machine has ended meanwhile."));
            }
        }
    }

    /** When {@link #serve} must be called at the latest, monotonic; {@link Long#MAX_VALUE} if no time matters. */
    public long nextDeadlineNs() {
        long next = fullUntilNs == 0 ? Long.MAX_VALUE : fullUntilNs;
        for (@Nullable ControlClient c : clients) {
            if (c != null && c.hasSaidMore()) {
                return 0;
            }
            next = c == null ? next : Math.min(next, c.deadlineNs());
        }
        return next;
    }

    /** Does what the last poll found. */
    public void serve() {
        PollSet p = poll;
        if (p == null) {
            return;
        }
        for (int i = 0; i < MOST_CLIENTS; i++) {
            @Nullable ControlClient c = clients[i];
            if (c == null) {
                continue;
            }
            c.serve(p.ready(places[i]), Clock.monotonicNs());
            listen(c);
            place(i);
        }
        if (fullUntilNs != 0 && Clock.monotonicNs() >= fullUntilNs) {
            fullUntilNs = 0;
            placeListening(p);
        } else if (p.ready(listeningPlace) != 0) {
            accept();
        }
    }

    /** Takes one line of a client, if it has said one: the others get their turn before its next. */
    private void listen(ControlClient c) {
        if (c.babbles()) {
            c.closeAfterwards();
            answer(
                    c,
                    Optional.empty(),
                    ControlReply.Failed.because(
                            "a line is longer than " + ControlClient.LONGEST_LINE + " bytes, which no request is."));
            return;
        }
        Optional<String> line = c.next();
        if (line.isEmpty()) {
            return;
        }
        ControlJson.Line read = ControlJson.read(line.get());
        if (read.request().isEmpty()) {
            answer(c, read.id(), read.fault().orElseThrow());
            return;
        }
        ControlHandler h = handler;
        if (h != null) {
            h.handle(read.request().get(), reply -> answer(c, read.id(), reply));
        }
    }

    private void answer(ControlClient c, Optional<String> id, ControlReply reply) {
        if (Arrays.asList(clients).contains(c)) {
            c.answer(ControlJson.write(id, reply), Clock.monotonicNs());
            place(Arrays.asList(clients).indexOf(c));
        }
    }

    private void accept() {
        PollSet p = poll;
        int free = freePlace();
        if (free < 0 || p == null) {
            return;
        }
        long number = listening.tryAccept();
        if (number >= 0) {
            ControlClient c = new ControlClient(Fd.of((int) number), Clock.monotonicNs());
            clients[free] = c;
            places[free] = p.take(c.fd(), c.events());
            place(free);
        } else if (!Errno.EAGAIN.is(number)) {
            fullUntilNs = Clock.monotonicNs() + FULL_NS;
            placeListening(p);
        }
    }

    /** A place for one more; -1 when all have something under way, and who comes has to wait. */
    private int freePlace() {
        int free = Arrays.asList(clients).indexOf(null);
        if (free >= 0) {
            return free;
        }
        @Nullable
        ControlClient longest = Arrays.stream(clients)
                .filter(c -> c != null && c.idle())
                .min(Comparator.comparingLong(c -> c == null ? Long.MAX_VALUE : c.activeNs()))
                .orElse(null);
        if (longest == null) {
            return -1;
        }
        int place = Arrays.asList(clients).indexOf(longest);
        drop(place);
        return place;
    }

    /** The poll set watches for what a client can do next. */
    private void place(int i) {
        @Nullable ControlClient c = clients[i];
        PollSet p = poll;
        if (c != null && c.gone()) {
            drop(i);
        } else if (c != null && p != null) {
            p.change(places[i], c.events());
        }
        if (p != null) {
            placeListening(p);
        }
    }

    private void placeListening(PollSet p) {
        // With everybody busy nobody can be taken in, and the socket would keep the loop awake.
        boolean room = Arrays.stream(clients).anyMatch(k -> k == null || k.idle());
        p.change(listeningPlace, room && fullUntilNs == 0 ? Poller.READABLE : 0);
    }

    private void drop(int i) {
        @Nullable ControlClient c = clients[i];
        clients[i] = null;
        if (c != null) {
            PollSet p = poll;
            if (p != null) {
                p.free(places[i]);
            }
            c.close();
        }
    }

    /** Lets every client go; what they have not read of a reply is lost unless the kernel has it. */
    @Override
    public void close() {
        poll = null;
        for (int i = 0; i < MOST_CLIENTS; i++) {
            drop(i);
        }
        listening.close();
    }
}
