package io.jvmm.device.platform;

import io.jvmm.device.api.DeviceMain;

/** The platform device process; {@link DeviceMain#run} is its life. */
public final class PlatformMain {
    private PlatformMain() {}

    /** @param args see {@link DeviceMain#run} */
    public static void main(String[] args) {
        DeviceMain.run(args, new PlatformFactory());
    }
}
