package io.jvmm.fuzz.machine;

import io.jvmm.device.api.DeviceCore;

/** What a driver sees of a machine: a device in this process, or one at the other end of a link. One thread. */
public interface GuestSide {

    /** The device, as far as a guest can reach it. */
    DeviceCore core();

    /** The time that goes with a call. */
    long nowNs();

    /** What a call has begun goes on. */
    void settle();
}
