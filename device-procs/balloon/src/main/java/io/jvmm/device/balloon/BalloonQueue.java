package io.jvmm.device.balloon;

/**
 * The virtqueues of a balloon (virtio 1.2 §5.5.2) and what number they have. The specification numbers them as if all were there;
 * Linux and QEMU number those that are. As long as all features are negotiated that is the same, and where it is not, a number
 * that the specification leaves without meaning is taken as Linux means it.
 */
enum BalloonQueue {
    INFLATE(0, 0),
    DEFLATE(1, 0),
    STATS(2, BalloonFeature.STATS_VQ),
    HINT(3, BalloonFeature.FREE_PAGE_HINT),
    REPORTING(4, BalloonFeature.PAGE_REPORTING),
    /** No queue that these features have. */
    NONE(5, 0);

    private static final BalloonQueue[] ALL = values();
    private static final int COUNT = NONE.index;

    private final int index;
    private final long feature;

    BalloonQueue(int index, long feature) {
        this.index = index;
        this.feature = feature;
    }

    /** Its number when all features are negotiated. */
    int index() {
        return index;
    }

    /** What queue {@code index} is when {@code features} are negotiated. */
    static BalloonQueue of(int index, long features) {
        if (index < COUNT && ALL[index].existsIn(features)) {
            return ALL[index];
        }
        int seen = 0;
        for (int i = 0; i < COUNT; i++) {
            if (ALL[i].existsIn(features) && seen++ == index) {
                return ALL[i];
            }
        }
        return NONE;
    }

    private boolean existsIn(long features) {
        return (features & feature) == feature;
    }
}
