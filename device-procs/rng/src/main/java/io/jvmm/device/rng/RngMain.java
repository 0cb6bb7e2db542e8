package io.jvmm.device.rng;

import io.jvmm.device.virtio.VirtioMain;

/** The entropy device process; {@link VirtioMain#run} is its life. */
public final class RngMain {

    private RngMain() {}

    /** Arguments as {@link VirtioMain#run} takes them. */
    public static void main(String[] args) {
        VirtioMain.run(args, new RngDevice());
    }
}
