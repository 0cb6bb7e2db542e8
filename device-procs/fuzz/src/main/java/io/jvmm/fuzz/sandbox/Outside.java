package io.jvmm.fuzz.sandbox;

/**
 * What can be done to a device process from outside and to a device class cannot. In a script these follow the operations of the device: a byte that says which, then
 * so many bytes, little-endian.
 */
enum Outside {
    /** A new case: the machine's reset line, memory as new, a driver that knows nothing. */
    CASE("case", 0),
    /** {@code u8 which, u32 seed}: a {@link RingLie} on the device's link, by a vCPU process that was taken over. */
    LIE("lie", 5),
    /** {@code u8 how many, u32 seed}: lies of all kinds, one after the other. */
    STORM("storm", 5),
    /** {@code u8 which, u32 argument}: a request of the supervisor, of any type. */
    SUPERVISE("supervise", 5),
    /** {@code u32 seed}: from now on until the case ends another thread writes to rings and tables in guest memory. */
    CHURN("churn", 4),
    /** {@code u8 which}: doorbells rung without a word, or emptied before the device looks. */
    BELLS("bells", 1),
    /** SIGKILL, and a successor that goes on with state and link. */
    KILL("sigkill", 0),
    /** {@code u16 offset, u8 value}: SIGKILL, a byte of what is committed changes, and a successor: it refuses the state, or lives. */
    DAMAGE("damage", 3),
    /** {@code u8 offset, u32 value}: SIGKILL, a word of the link's header changes, and a successor: it refuses the link, or lives. */
    HEADER("header", 5),
    /** {@code u8 which, u32 seed}: a {@link RingLie} on the supervisor's link. */
    SUPERVISOR_LIE("supervisor-lie", 5);

    private final String word;
    private final int operands;

    Outside(String word, int operands) {
        this.word = word;
        this.operands = operands;
    }

    String word() {
        return word;
    }

    /** Bytes behind the first one. */
    int operands() {
        return operands;
    }
}
