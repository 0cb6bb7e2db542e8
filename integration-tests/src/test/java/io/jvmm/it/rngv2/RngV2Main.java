package io.jvmm.it.rngv2;

import io.jvmm.device.api.DeviceMain;

/** The entropy device process, version 2. */
public final class RngV2Main {
    private RngV2Main() {}

    /** Arguments as {@link DeviceMain#run} takes them. */
    public static void main(String[] args) {
        DeviceMain.run(args, new RngV2Process());
    }
}
