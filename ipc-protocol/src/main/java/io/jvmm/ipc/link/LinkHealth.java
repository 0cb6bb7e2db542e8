package io.jvmm.ipc.link;

/** What an endpoint thinks of its peer. It only ever gets worse, but for {@code BoardEndpoint.reconnect}. */
public enum LinkHealth {
    /** All is well. */
    CONNECTED,
    /** The peer did not answer in time: reads give all ones at once, writes are dropped. */
    HUNG,
    /** The peer broke the protocol: nothing is read from it or written to it any more. */
    SEVERED
}
