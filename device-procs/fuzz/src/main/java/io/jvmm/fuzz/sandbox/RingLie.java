package io.jvmm.fuzz.sandbox;

/** What somebody who has a link mapped can do to it: every byte of it is writable to both ends. */
enum RingLie {
    /** A record shorter than its own header. */
    LENGTH_SHORT,
    /** A record longer than any message, or than the ring. */
    LENGTH_LONG,
    /** A record that is claimed and never finished. */
    LENGTH_NEGATIVE,
    /** A type that is neither padding nor positive. */
    TYPE_NOT_POSITIVE,
    /** A type that this direction does not have. */
    TYPE_UNKNOWN,
    /** A known type with a length that is not its own. */
    MESSAGE_LENGTH,
    /** A known type and length with any fields. */
    FIELDS,
    /** Padding behind padding, and past the end of the ring. */
    PADDING,
    /** The tail of its own ring backwards, forwards, unaligned. */
    TAIL,
    /** The head of either ring. */
    HEAD,
    /** The ring that the other side fills: tail and records. */
    RING_OF_THE_OTHER,
    /** The words that say who sleeps, who waits and whether there is room. */
    WORDS,
    /** The places of answers. */
    REPLIES,
    /** Messages that nothing is wrong with, as many as fit. */
    FLOOD,
    /** Any word of the link. */
    NOISE
}
