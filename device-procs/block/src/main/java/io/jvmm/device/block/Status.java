package io.jvmm.device.block;

/** The last byte of every request (virtio 1.2 §5.2.6). */
enum Status {
    OK(0),
    IOERR(1),
    UNSUPP(2);

    private final byte value;

    Status(int value) {
        this.value = (byte) value;
    }

    /** The byte on the wire. */
    byte value() {
        return value;
    }
}
