package io.jvmm.vcpu.boot;

import java.lang.foreign.MemorySegment;

/** Guest RAM as a loader sees it: ranges to write to. Loaders write only what they have claimed from a {@link RamPlan}. */
@FunctionalInterface
public interface GuestRam {
    /**
     * The host's view of {@code [guestPhysicalAddress, +lengthBytes)}.
     *
     * @throws IndexOutOfBoundsException if not all of it is RAM
     */
    MemorySegment range(long guestPhysicalAddress, long lengthBytes);
}
