package io.jvmm.device.virtio;

/** Fills chains that come from no queue. */
public final class GivenChain {
    private GivenChain() {}

    /** Makes a chain that of three readable buffers, one behind the other: their lengths in bytes, from {@code offset} in guest memory on. */
    public static void readable(Chain chain, long offset, int first, int second, int third) {
        chain.clear();
        boolean room = chain.append(offset, first, false)
                && chain.append(offset + first, second, false)
                && chain.append(offset + first + second, third, false);
        if (!room) {
            throw new IllegalArgumentException("a chain for fewer than three buffers");
        }
    }
}
