package io.jvmm.vcpu.x86.interp;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Blocks for the tests of other packages, without an executor. */
public final class Blocks {
    private Blocks() {}

    /** The block at a guest-physical address, made if need be. */
    public static Block at(CodeCache cache, long guestPhysicalAddress, int modeKey) {
        return Objects.requireNonNull(find(cache, guestPhysicalAddress, modeKey));
    }

    /** The same, or null where the first instruction goes on in the next page. */
    @SuppressWarnings("NullAway") // No executor has permissions to be taken away.
    public static @Nullable Block find(CodeCache cache, long guestPhysicalAddress, int modeKey) {
        final CodePage page = Objects.requireNonNull(cache.page(guestPhysicalAddress, null));
        return cache.block(page, (int) guestPhysicalAddress & (CodePage.BYTES - 1), modeKey);
    }
}
