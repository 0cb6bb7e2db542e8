package io.jvmm.device.console;

import io.jvmm.device.virtio.VirtioMain;

/** The console process; {@link VirtioMain#run} is its life. */
public final class ConsoleMain {

    private ConsoleMain() {}

    /** Arguments as {@link VirtioMain#run} takes them. */
    public static void main(String[] args) {
        VirtioMain.run(args, new ConsoleDevice());
    }
}
