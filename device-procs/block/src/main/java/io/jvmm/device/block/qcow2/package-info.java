/**
 * The qcow2 format, versions 2 and 3, for reading and writing, from the published description of the format (docs/interop/qcow2 of
 * QEMU, quoted by its section names). What is supported is listed in QCOW2.md beside the module's README. Depends on
 * {@code block.image} and {@code ipc.sys}, and on aircompressor for zstd.
 *
 * <p>Start reading at {@link io.jvmm.device.block.qcow2.Qcow2Image} (what the device calls), then {@code ClusterMap} (where a guest
 * cluster is), {@code AllocatingWrite} (how it gets a place), {@code ClusterAllocator} (the order of writes that makes a death
 * at any moment harmless) and {@code MetadataCheck} (why an image that opens for writing can be believed).
 */
@NullMarked
package io.jvmm.device.block.qcow2;

import org.jspecify.annotations.NullMarked;
