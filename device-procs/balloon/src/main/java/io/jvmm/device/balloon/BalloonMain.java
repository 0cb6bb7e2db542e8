package io.jvmm.device.balloon;

import io.jvmm.device.virtio.VirtioMain;

/** The balloon process; {@link VirtioMain#run} is its life. */
public final class BalloonMain {

    private BalloonMain() {}

    /** Arguments as {@link VirtioMain#run} takes them. */
    public static void main(String[] args) {
        VirtioMain.run(args, new BalloonDevice());
    }
}
