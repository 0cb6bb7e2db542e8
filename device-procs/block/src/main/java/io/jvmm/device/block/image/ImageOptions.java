package io.jvmm.device.block.image;

/**
 * How an image is opened.
 *
 * @param lanes how many threads call it
 * @param readOnly nothing may be changed, not even a mark in a header
 * @param blockBytes the unit of the guest's requests: 512 or 4096
 * @param discard whether a guest's discards free anything; where not, they do nothing
 */
public record ImageOptions(int lanes, boolean readOnly, int blockBytes, boolean discard) {

    /** Most lanes. */
    public static final int MOST_LANES = 17;

    public ImageOptions {
        if (lanes < 1 || lanes > MOST_LANES) {
            throw new IllegalArgumentException("lanes: " + lanes + "; allowed are 1.." + MOST_LANES);
        }
        if (blockBytes != 512 && blockBytes != 4096) {
            throw new IllegalArgumentException("block-size: " + blockBytes + "; allowed are 512, 4096");
        }
    }
}
