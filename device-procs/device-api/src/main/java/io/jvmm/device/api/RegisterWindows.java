package io.jvmm.device.api;

import io.jvmm.device.api.DeviceIdentity.Region;
import io.jvmm.ipc.link.DeviceEndpoint;
import io.jvmm.ipc.ring.Violation;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/** The register windows of a device. The board checks them: a request outside means that it is not the board any more. */
final class RegisterWindows {
    private final int[] lengths;

    RegisterWindows(List<Region> regions) {
        this.lengths = regions.stream().mapToInt(Region::lengthBytes).toArray();
    }

    /** Whether the current request is for a register there is. Allocates nothing. */
    boolean contain(DeviceEndpoint request) {
        int region = request.region();
        int offset = request.offset();
        int widthBytes = request.widthBytes();
        return region >= 0
                && region < lengths.length
                && offset >= 0
                && (widthBytes == 1 || widthBytes == 2 || widthBytes == 4 || widthBytes == 8)
                && widthBytes <= lengths[region]
                && offset <= lengths[region] - widthBytes;
    }

    /** What to report of a request that is for none. */
    static Violation violation(DeviceEndpoint request) {
        byte[] evidence = ByteBuffer.allocate(5 * Integer.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(request.vcpu())
                .putInt(request.region())
                .putInt(request.offset())
                .putInt(request.widthBytes())
                .putInt(request.type())
                .array();
        return new Violation(Violation.Kind.MESSAGE_FIELD, request.positionAfter(), evidence);
    }

    /** What a WRITE writes; the peer may have left anything above the width. */
    static long value(DeviceEndpoint link) {
        return link.value() & (-1L >>> (Long.SIZE - Byte.SIZE * link.widthBytes()));
    }
}
