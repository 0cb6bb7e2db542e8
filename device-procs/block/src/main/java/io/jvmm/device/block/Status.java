package io.jvmm.device.block;

/** The last byte of every request (virtio 1.2 §5.2.6); its value is the ordinal. */
enum Status {
    OK,
    IOERR,
    UNSUPP
}
