package io.jvmm.device.block.qcow2;

import org.jspecify.annotations.Nullable;

/**
 * What an image is made of when its header has been read.
 *
 * @param name for messages
 * @param storage its file
 * @param data where guest data lies: the same file, or an external one
 * @param header what the file begins with
 * @param geometry what follows from it
 * @param backing what shows through
 */
record ImageParts(
        String name,
        Storage storage,
        Storage data,
        Qcow2Header header,
        Geometry geometry,
        @Nullable Backing backing) {}
