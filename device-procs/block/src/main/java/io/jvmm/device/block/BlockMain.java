package io.jvmm.device.block;

import io.jvmm.device.virtio.VirtioMain;

/** The block device process. */
public final class BlockMain {

    private BlockMain() {}

    /** As {@link VirtioMain#run}. */
    public static void main(String[] args) {
        VirtioMain.run(args, BlockFactory.ofProcess());
    }
}
