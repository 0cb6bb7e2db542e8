package io.jvmm.device.api.trace;

import org.agrona.DirectBuffer;

/** Makes the calls with which the host's side reaches a device past its {@code DeviceCore}, in a replay. Device thread. */
public interface HostCalls {

    /** Of a device whose host's side calls {@code HostPorts} of the core, or nothing. */
    HostCalls NONE = new HostCalls() {
        @Override
        public boolean call(int method, long a, long b, long c, long nowNs, DirectBuffer bytes, int lengthBytes) {
            return false;
        }

        @Override
        public String nameOf(int method) {
            return DeviceCall.nameOf(method);
        }
    };

    /**
     * Makes a call that was recorded.
     *
     * @param method of the device, {@link DeviceCall#FIRST_OF_DEVICE} or above; or one of {@code HOST_…} that the core itself does not have
     * @param bytes hostile, as everything from a trace; valid during the call
     * @param lengthBytes of {@code bytes}; 0 when there were none
     * @return whether there is such a call; its arguments are checked where a wrong one would not be answered by the device itself
     */
    boolean call(int method, long a, long b, long c, long nowNs, DirectBuffer bytes, int lengthBytes);

    /** The process of this core is over: what it alone held is let go. Nothing else follows. */
    default void close() {}

    /** The name of a method, of the runtime too ({@link DeviceCall#nameOf}). */
    String nameOf(int method);
}
