package io.jvmm.ipc.hostile;

/** What a process that has been taken over can do to a link: every byte of it is writable to both ends, but for nobody's private memory. */
public enum Lie {
    /** A record shorter than its own header. */
    LENGTH_SHORT,
    /** A record longer than any message of this direction. */
    LENGTH_PAST_LIMIT,
    /** A record that reaches past the end of the ring. */
    LENGTH_PAST_RING,
    /** A length of up to 2^31 - 1. */
    LENGTH_HUGE,
    /** A negative length: claimed, never finished. */
    LENGTH_NEGATIVE,
    /** A type that is neither padding nor positive. */
    TYPE_NOT_POSITIVE,
    /** A type that this direction does not have. */
    TYPE_UNKNOWN,
    /** A known type with a length that is not its own. */
    MESSAGE_LENGTH,
    /** A known type and length with any fields. */
    FIELDS,
    /** A record that has been read already, once more at the place where it was. */
    REPLAY,
    /** A record whose bytes go on changing after it was finished. */
    TORN,
    /** Padding behind padding. */
    PADDING_CHAIN,
    /** Padding that reaches past the end of the ring. */
    PADDING_PAST_RING,
    /** The tail of its own ring backwards, forwards, unaligned, beyond capacity. */
    TAIL,
    /** The head of either ring backwards, forwards, unaligned, beyond capacity. */
    HEAD,
    /** What the other side has cached of the head. */
    HEAD_CACHE,
    /** The tail of the ring that the other side fills. */
    TAIL_OF_THE_OTHER,
    /** Records that the other side is writing or has written. */
    RECORDS_OF_THE_OTHER,
    /** As many valid messages as fit. */
    FLOOD,
    /** Doorbells rung without a word. */
    BELLS,
    /** The other's doorbell emptied before it looks. */
    STOLEN_BELLS,
    /** The words that say who sleeps, who waits and whether there is room. */
    WORDS,
    /** Replies with wrong numbers, before the question, for other vCPUs, and sleepers that do not sleep. */
    REPLIES,
    /** The header, which nobody looks at any more. */
    HEADER,
    /** Any word of the link. */
    NOISE
}
