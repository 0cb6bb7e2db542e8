package io.jvmm.supervisor.journal;

/**
 * What supervisor and recorder say to one another over the recorder's control socket: boot records, whose entry {@link #DO} says what they are. A
 * ring is named by a word that the supervisor has never used before.
 *
 * <pre>
 *   supervisor to recorder
 *   (first)   directory, bounds.bytes, bounds.age-s, life.bytes, jail, seccomp.narrow
 *   begin     ring, device, began; trace, trace.bell; life      read this ring; a recorder that has read of it before goes on. began: when its
 *                                                               process was started (RFC 3339); trace and trace.bell are descriptors. life: the number
 *                                                               that a recorder before gave its life in begun; none has, where it is missing
 *   end       ring, how, drained; state                         its process is gone: read the rest, and end the life. drained: it had done all
 *                                                               it was to do; state: what it has left, as {@link FinalState}
 *   status    id
 *   ping                                                        live?
 *   finish                                                      end all, then the process
 *
 *   recorder to supervisor
 *   ready     filter                                            hash of the filter that is in force
 *   begun     ring, life                                        number of the life
 *   renew     ring, how                                         a new life is wanted: size, gap
 *   severed   ring, how                                         its process broke the protocol; behind begun also when a recorder before found that
 *   ended     ring                                              nothing more is kept of it: descriptors may go
 *   alive                                                       to ping, and in the midst of something long
 *   full      how                                               nothing is kept for now
 *   room                                                        it is again
 *   status    id, lives, bytes; RING.life, .batches, .bytes, .lost of each ring
 * </pre>
 */
public final class RecorderWords {
    public static final String DO = "do";
    public static final String RING = "ring";
    public static final String HOW = "how";

    public static final String BEGIN = "begin";
    public static final String END = "end";
    public static final String STATUS = "status";
    public static final String FINISH = "finish";
    public static final String PING = "ping";

    public static final String READY = "ready";
    public static final String BEGUN = "begun";
    public static final String RENEW = "renew";
    public static final String SEVERED = "severed";
    public static final String ENDED = "ended";
    public static final String ALIVE = "alive";
    public static final String FULL = "full";
    public static final String ROOM = "room";

    public static final String DEVICE = "device";
    public static final String BEGAN = "began";
    public static final String DRAINED = "drained";
    public static final String STATE = "state";
    public static final String LIFE = "life";
    public static final String FILTER = "filter";
    public static final String ID = "id";
    public static final String LIVES = "lives";
    public static final String BYTES = "bytes";
    public static final String OF_LIFE = ".life";
    public static final String OF_BATCHES = ".batches";
    public static final String OF_BYTES = ".bytes";
    public static final String OF_LOST = ".lost";

    public static final String DIRECTORY = "directory";
    public static final String BOUNDS_BYTES = "bounds.bytes";
    public static final String BOUNDS_AGE_S = "bounds.age-s";
    public static final String LIFE_BYTES = "life.bytes";
    public static final String JAIL = "jail";
    public static final String NARROW = "seccomp.narrow";

    public static final String FD_TRACE = "trace";
    public static final String FD_BELL = "trace.bell";

    private RecorderWords() {}
}
