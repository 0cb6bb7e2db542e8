package io.jvmm.vcpu.kvm;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * What is mapped where in guest-physical space, for reading the guest's code in a crash report. Written while building,
 * read by vCPU threads afterwards.
 */
final class GuestSlots {
    static final int CAPACITY = 32;

    private final @Nullable Slot[] slots = new @Nullable Slot[CAPACITY];

    private record Slot(long base, long length, MemorySegment host) {}

    synchronized void set(int slot, long base, long length, MemorySegment host) {
        slots[slot] = length == 0 ? null : new Slot(base, length, host);
    }

    /** Copies if the whole range is RAM; tells whether it is. */
    synchronized boolean read(long physicalAddress, byte[] into, int at, int length) {
        for (Slot slot : slots) {
            if (slot == null) {
                continue;
            }
            final long offset = physicalAddress - slot.base;
            if (offset >= 0 && offset <= slot.length - length) {
                MemorySegment.copy(slot.host, ValueLayout.JAVA_BYTE, offset, into, at, length);
                return true;
            }
        }
        return false;
    }
}
