package io.jvmm.device.platform;

import io.jvmm.device.api.DeviceMain;

/** The platform device process; {@link DeviceMain#run} is its life. */
public final class PlatformMain {
    private PlatformMain() {}

    /** Runs the process; arguments as {@link DeviceMain#run} takes them. */
    public static void main(String[] args) {
        DeviceMain.run(args, new PlatformDevice());
    }
}
