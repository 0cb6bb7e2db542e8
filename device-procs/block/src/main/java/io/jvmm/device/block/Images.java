package io.jvmm.device.block;

import io.jvmm.device.api.Descriptors;
import io.jvmm.device.api.DeviceConfig;
import io.jvmm.device.block.image.BlockImage;
import io.jvmm.device.block.image.ImageException;
import io.jvmm.device.block.image.ImageOptions;
import io.jvmm.device.block.image.ImageSource;
import io.jvmm.device.block.image.RawImage;
import io.jvmm.device.block.qcow2.Qcow2Image;
import java.util.ArrayList;
import java.util.List;

/** Opens a disk's image from the descriptors of the supervisor: {@code F.image}, its {@code F.witness}, and {@code F.backing.0} and on behind it. */
final class Images {
    private static final int MOST_BACKING_FILES = 16;

    private Images() {}

    /**
     * Opens it.
     *
     * @param entries of the function, for the formats of the backing files
     * @param prefix of its descriptors: {@code 0.}
     * @throws IllegalArgumentException for a missing descriptor, or an image that cannot be used; one line for the user
     */
    static BlockImage open(
            BlockConfig config, DeviceConfig entries, Descriptors descriptors, String prefix, int lanes) {
        ImageOptions options = new ImageOptions(lanes, config.readOnly(), config.blockBytes(), config.discard());
        List<ImageSource> chain = new ArrayList<>();
        chain.add(new ImageSource(
                config.name(),
                config.format(),
                descriptors.need(prefix + "image"),
                descriptors.find(prefix + "witness").orElse(null)));
        for (int i = 0; i < MOST_BACKING_FILES; i++) {
            String name = "backing." + i;
            var fd = descriptors.find(prefix + name);
            if (fd.isEmpty()) {
                break;
            }
            ImageSource.Format format = ImageSource.Format.of(entries.text(name + ".format", "raw"));
            chain.add(new ImageSource(config.name() + " (" + name + ")", format, fd.get()));
        }
        try {
            return switch (chain.getFirst().format()) {
                case RAW -> RawImage.open(chain.getFirst(), options);
                case QCOW2 -> Qcow2Image.open(chain, options);
            };
        } catch (ImageException e) {
            throw new IllegalArgumentException(e.getMessage(), e);
        }
    }
}
