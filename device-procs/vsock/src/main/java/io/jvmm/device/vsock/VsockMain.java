package io.jvmm.device.vsock;

import io.jvmm.device.virtio.VirtioMain;

/** The vsock device process; {@link VirtioMain#run} is its life. */
public final class VsockMain {

    private VsockMain() {}

    /** Arguments as {@link VirtioMain#run} takes them. */
    public static void main(String[] args) {
        VirtioMain.run(args, new VsockFactory());
    }
}
