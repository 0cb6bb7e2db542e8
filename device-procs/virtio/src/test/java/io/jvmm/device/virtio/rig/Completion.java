package io.jvmm.device.virtio.rig;

import java.util.Arrays;

/**
 * A buffer the device has given back.
 *
 * @param token as {@link RigQueue#offer} gave it
 * @param lengthBytes how much the device says it wrote
 * @param writable all of the buffer's writable part, one piece
 */
@SuppressWarnings("ArrayRecordComponent") // a test's value, compared with nothing
public record Completion(int token, long lengthBytes, byte[] writable) {

    /** What the device wrote, as far as it says. */
    public byte[] written() {
        return Arrays.copyOf(writable, (int) Math.min(lengthBytes, writable.length));
    }

    @Override
    public String toString() {
        return "buffer " + token + ", " + lengthBytes + " bytes of " + writable.length;
    }
}
