package io.jvmm.supervisor.lifecycle;

/**
 * Where a machine stands. It only ever goes forward.
 *
 * <pre>
 *   STARTING ──all ready, all jails as they should be──▶ RUNNING
 *      │                                                  │
 *      └──────── failure, or the user ends it ────────────┤
 *                                                         ▼
 *                      STOPPED ◀──every process gone── STOPPING
 * </pre>
 */
public enum Phase {
    /** The processes are on their way to READY; no guest instruction has run. */
    STARTING,
    /** The guest runs. */
    RUNNING,
    /** It has been decided how the machine ends; its processes are told to stop, and killed if they do not. */
    STOPPING,
    /** Every process is gone and collected. */
    STOPPED
}
