package io.jvmm.device.api;

/** The life of a device process; see {@link #run}. */
public final class DeviceMain {

    private DeviceMain() {}

    /**
     * Runs a device process from its first instruction to its last. Does not return normally: the process ends with
     * {@code Runtime.halt} and a documented exit code.
     *
     * @param args none, in a device process under its supervisor; {@code --script FILE|-} and
     *     {@code --jail=off|log|enforce} to run the device alone under the scripted peer
     */
    public static void run(String[] args, DeviceFactory factory) {
        System.err.println("not yet: " + factory.identity().name() + " with " + args.length + " arguments");
        Runtime.getRuntime().halt(4);
    }
}
