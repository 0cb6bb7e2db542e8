package io.jvmm.device.api;

import io.jvmm.ipc.message.DeviceEventHandler;
import io.jvmm.ipc.message.PowerAction;
import io.jvmm.ipc.message.PowerOrigin;

/** The board of a scratch machine: takes every event and does nothing. */
class IgnoredDeviceEvents implements DeviceEventHandler {
    @Override
    public void configChanged(int function, int generation) {}

    @Override
    public void needsReset(int function, int reason) {}

    @Override
    public void guestError(int code, long detail) {}

    @Override
    public void power(PowerAction action, PowerOrigin origin) {}
}
