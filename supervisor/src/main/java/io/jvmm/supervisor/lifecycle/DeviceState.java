package io.jvmm.supervisor.lifecycle;

/**
 * Where a device stands.
 *
 * <pre>
 *   SERVING ──we kill it──▶ ENDING ──it has ended──▶ AWAY ◀──it ended by itself── SERVING
 *      ▲                       ▲                      │ board: ACK
 *      │ board: ACK            │                      ▼
 *   RETURNING ◀──READY, jail as it must be── REPLACING ◀──back-off over── WAITING
 *                              │ failed: once more
 *
 *   no restart left, or nobody can go on with the state: the device is broken for good, and
 *
 *   LEAVING ──board: ACK──▶ ENTRUSTING ──READY, jail as it must be──▶ ENTRUSTED ──board: ACK──▶ CARED_FOR
 *                              │ failed (a spare: once more)             │ it ends, hangs, lies      │
 *                              ▼                                         ▼                           ▼
 *                            BROKEN ◀────────────────────────────────────────────────────────────────┘
 *                              ▲ at once: a process that survives SIGKILL, a device that is not virtio
 * </pre>
 */
enum DeviceState {
    SERVING,
    /** Its process has been killed, and has not ended yet. */
    ENDING,
    /** The board has been asked to wait for a successor. */
    AWAY,
    /** Its processes die so fast that the next one is not started yet. */
    WAITING,
    /** A successor is on its way to READY. */
    REPLACING,
    /** The successor serves; the board has been told. */
    RETURNING,
    /** Another version takes its place; {@link Upgrades} has it, and gives it back in the end. */
    UPGRADING,
    /** Given up: the board has been asked to wait for a caretaker, which answers the driver with errors. */
    LEAVING,
    /** A caretaker is on its way to READY. */
    ENTRUSTING,
    /** It answers; the board has been told. */
    ENTRUSTED,
    /** It answers, and nothing more becomes of the device. */
    CARED_FOR,
    /** Nobody answers but the board. For good. */
    BROKEN
}
