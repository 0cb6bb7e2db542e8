package io.jvmm.device.balloon;

/** Feature bits of the balloon (virtio 1.2 §5.5.3). */
final class BalloonFeature {

    /** The driver tells before it uses a page again. */
    static final long MUST_TELL_HOST = 1L << 0;
    /** There is a virtqueue for statistics. */
    static final long STATS_VQ = 1L << 1;
    /** A guest out of memory takes pages out of the balloon by itself. */
    static final long DEFLATE_ON_OOM = 1L << 2;
    /** There is a virtqueue for hints; see {@link BalloonQueue} for why it is offered. */
    static final long FREE_PAGE_HINT = 1L << 3;
    /** The driver fills free pages with {@code poison_val} and relies on that. */
    static final long PAGE_POISON = 1L << 4;
    /** There is a virtqueue for free pages. */
    static final long PAGE_REPORTING = 1L << 5;

    private BalloonFeature() {}
}
