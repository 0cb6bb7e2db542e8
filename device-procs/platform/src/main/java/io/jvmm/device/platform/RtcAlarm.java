package io.jvmm.device.platform;

/** Who hears that the clock's alarm fired while enabled: the wake event of the power-management block. */
interface RtcAlarm {
    void rtcAlarm(long nowNs);
}
