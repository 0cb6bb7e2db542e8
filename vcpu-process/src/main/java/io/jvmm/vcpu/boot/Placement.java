package io.jvmm.vcpu.boot;

/**
 * One thing in guest memory.
 *
 * @param what for people: {@code "initrd"}, {@code "kernel segment 2"}
 * @param start guest-physical address
 * @param detail where it came from
 */
public record Placement(String what, long start, long lengthBytes, String detail) {
    public long end() {
        return start + lengthBytes;
    }

    boolean overlaps(long otherStart, long otherLength) {
        return otherLength > 0 && lengthBytes > 0 && start < otherStart + otherLength && otherStart < end();
    }
}
