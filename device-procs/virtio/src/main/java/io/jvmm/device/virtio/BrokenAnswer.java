package io.jvmm.device.virtio;

/**
 * What becomes of the buffers in one virtqueue of a function that has been given up: chosen by what the driver would wait for without a limit. All
 * values are constants of a class, so that the choice allocates nothing.
 *
 * @param kind what is done
 * @param status of {@link Kind#STATUS}: 0..255
 */
public record BrokenAnswer(Kind kind, int status) {

    /** What is done with a buffer. */
    public enum Kind {
        /** Nothing: buffers for input, which a driver would only offer again. */
        LEAVE,
        /** It comes back, with nothing written to it. */
        RETURN,
        /** It comes back, with a status in its last writable byte. */
        STATUS
    }

    /** See {@link Kind#LEAVE}. */
    public static final BrokenAnswer LEAVE = new BrokenAnswer(Kind.LEAVE, 0);

    /** See {@link Kind#RETURN}. */
    public static final BrokenAnswer RETURN = new BrokenAnswer(Kind.RETURN, 0);

    public BrokenAnswer {
        if (status < 0 || status > 255) {
            throw new IllegalArgumentException("status " + status + " is no byte");
        }
    }

    /** See {@link Kind#STATUS}. */
    public static BrokenAnswer status(int status) {
        return new BrokenAnswer(Kind.STATUS, status);
    }
}
