package io.jvmm.device.virtio;

import io.jvmm.device.api.DeviceMain;

/** The life of a virtio device process: what the {@code main} of a device module calls. */
public final class VirtioMain {

    private VirtioMain() {}

    /** As {@link DeviceMain#run}; does not return unless it trains. */
    public static void run(String[] args, VirtioFactory factory) {
        DeviceMain.run(args, new VirtioProcess(factory));
    }
}
