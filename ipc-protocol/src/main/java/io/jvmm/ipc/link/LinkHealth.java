package io.jvmm.ipc.link;

/** What an endpoint thinks of its peer. Only a {@link BoardEndpoint} knows more than the first and {@link #SEVERED}, and recovers. */
public enum LinkHealth {
    /** All is well. */
    CONNECTED,
    /** The peer's process is gone and its successor is awaited: requests are posted, answers waited for. */
    AWAY,
    /** As {@link #AWAY}, but the link will be scrubbed: nobody is inside, nobody goes in. */
    RENEWING,
    /** The peer did not answer in time: reads give all ones at once, writes are posted while there is room. */
    HUNG,
    /** The peer broke the protocol: nothing is read from it or written to it. Accesses wait for its successor. */
    SEVERED,
    /** The peer has no successor: reads give all ones at once, writes are dropped. For good. */
    BROKEN
}
