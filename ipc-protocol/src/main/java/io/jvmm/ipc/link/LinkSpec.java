package io.jvmm.ipc.link;

/**
 * The size of a link, from which its layout follows.
 *
 * @param kind whom it joins
 * @param replySlots number of reply slots: one a vCPU in a device link, none in a supervisor link; 0..256
 * @param requestCapacityBytes capacity of the request ring, a power of two, 4096..1 MiB
 * @param eventCapacityBytes capacity of the event ring, a power of two, 4096..1 MiB
 */
public record LinkSpec(LinkKind kind, int replySlots, int requestCapacityBytes, int eventCapacityBytes) {
    public static final int MIN_RING_BYTES = 4096;
    public static final int MAX_RING_BYTES = 1 << 20;
    public static final int MAX_REPLY_SLOTS = 256;

    public LinkSpec {
        check("request ring", requestCapacityBytes);
        check("event ring", eventCapacityBytes);
        if (replySlots < 0 || replySlots > MAX_REPLY_SLOTS) {
            throw new IllegalArgumentException("reply slots: " + replySlots + ", allowed 0.." + MAX_REPLY_SLOTS);
        }
    }

    /** A link between the vCPU process and a device, of the usual size. */
    public static LinkSpec device(int vcpus) {
        return new LinkSpec(LinkKind.DEVICE, vcpus, 16384, 16384);
    }

    /** A link between the supervisor and a process, of the usual size. */
    public static LinkSpec supervisor() {
        return new LinkSpec(LinkKind.SUPERVISOR, 0, 4096, 16384);
    }

    private static void check(String ring, int capacity) {
        if (capacity < MIN_RING_BYTES || capacity > MAX_RING_BYTES || Integer.bitCount(capacity) != 1) {
            throw new IllegalArgumentException("capacity of the " + ring + ": " + capacity + ", allowed powers of two "
                    + MIN_RING_BYTES + ".." + MAX_RING_BYTES);
        }
    }
}
