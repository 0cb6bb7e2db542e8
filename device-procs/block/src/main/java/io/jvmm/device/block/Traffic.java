package io.jvmm.device.block;

/** How many bytes a disk has moved since this process began, by whichever thread. Device thread. */
final class Traffic {
    private long inputBytes;
    private long outputBytes;

    /** A request has come to its end. */
    void count(BlockRequest request) {
        if (request.result == 0) {
            inputBytes += request.type == RequestType.IN ? request.lengthBytes : 0;
            outputBytes += request.type == RequestType.OUT ? request.lengthBytes : 0;
        }
    }

    /** Out of the image. */
    long inputBytes() {
        return inputBytes;
    }

    /** Into the image. */
    long outputBytes() {
        return outputBytes;
    }
}
