package io.jvmm.supervisor.demo;

/** Condition of a jump, by its code (SDM 1, appendix B). */
enum Condition {
    BELOW(2),
    NOT_BELOW(3),
    EQUAL(4),
    NOT_EQUAL(5),
    NOT_ABOVE(6),
    ABOVE(7),
    SIGN(8),
    NOT_SIGN(9);

    /** The same conditions after a TEST or an AND. */
    static final Condition ZERO = EQUAL;

    static final Condition NOT_ZERO = NOT_EQUAL;

    final int code;

    Condition(int code) {
        this.code = code;
    }
}
