package io.jvmm.device.net;

import io.jvmm.device.virtio.VirtioMain;

/** The network device process; {@link VirtioMain#run} is its life. */
public final class NetMain {

    private NetMain() {}

    /** Arguments as {@link VirtioMain#run} takes them. */
    public static void main(String[] args) {
        VirtioMain.run(args, new NetDevice());
    }
}
