/**
 * Disk images as the block device sees them: {@link io.jvmm.device.block.image.BlockImage} is what a format implements,
 * {@link io.jvmm.device.block.image.ImageFile} is how it reaches the file. Depends on {@code ipc.sys} only; the formats depend on
 * it, it on none of them but the raw one, which is here. Start reading at BlockImage.
 */
@NullMarked
package io.jvmm.device.block.image;

import org.jspecify.annotations.NullMarked;
