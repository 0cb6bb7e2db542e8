package io.jvmm.device.virtio;

/**
 * What becomes of the buffers in one virtqueue of a function that has been given up: chosen by what the driver would wait for without a limit. All
 * values are constants of a class, so that the choice allocates nothing.
 *
 * @param kind what is done
 * @param value of {@link Kind#STATUS}: the byte, 0..255; of {@link Kind#NOTICE}: the number of zero bytes
 */
public record BrokenAnswer(Kind kind, int value) {

    /** What is done with a buffer. */
    public enum Kind {
        /** Nothing: buffers for input, which a driver would only offer again. */
        LEAVE,
        /** It comes back, with nothing written to it. */
        RETURN,
        /** It comes back, with a status in its last writable byte. */
        STATUS,
        /** The first one with room for it comes back, once and for all, with a notice that consists of zeros; the others are left. */
        NOTICE
    }

    /** See {@link Kind#LEAVE}. */
    public static final BrokenAnswer LEAVE = new BrokenAnswer(Kind.LEAVE, 0);

    /** See {@link Kind#RETURN}. */
    public static final BrokenAnswer RETURN = new BrokenAnswer(Kind.RETURN, 0);

    public BrokenAnswer {
        if (value < 0 || value > 255) {
            throw new IllegalArgumentException(value + " is not 0..255");
        }
    }

    /** See {@link Kind#NOTICE}. */
    public static BrokenAnswer notice(int zeroBytes) {
        return new BrokenAnswer(Kind.NOTICE, zeroBytes);
    }

    /** See {@link Kind#STATUS}. */
    public static BrokenAnswer status(int status) {
        return new BrokenAnswer(Kind.STATUS, status);
    }
}
