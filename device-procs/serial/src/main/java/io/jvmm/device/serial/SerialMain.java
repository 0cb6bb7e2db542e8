package io.jvmm.device.serial;

import io.jvmm.device.api.DeviceMain;

/** The serial device process; {@link DeviceMain#run} is its life. */
public final class SerialMain {

    private SerialMain() {}

    /** Arguments as {@link DeviceMain#run} takes them. */
    public static void main(String[] args) {
        DeviceMain.run(args, new SerialDevice());
    }
}
