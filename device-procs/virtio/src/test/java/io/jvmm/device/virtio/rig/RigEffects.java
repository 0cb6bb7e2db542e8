package io.jvmm.device.virtio.rig;

import io.jvmm.device.api.DeviceEffects;
import io.jvmm.device.api.Mortality;
import io.jvmm.ipc.message.PowerAction;
import io.jvmm.ipc.message.PowerOrigin;

/** Writes down what a device does to the world; its process may die before and after. One thread. */
final class RigEffects implements DeviceEffects {
    final long[] edges;
    final boolean[] levels;
    long guestErrors;
    int lastGuestErrorCode;
    long lastGuestErrorDetail;
    int configChanges;
    int needsResets;

    private final Mortality mortality;

    RigEffects(int lines, Mortality mortality) {
        this.edges = new long[lines];
        this.levels = new boolean[lines];
        this.mortality = mortality;
    }

    @Override
    public void interrupt(int line) {
        mortality.step();
        edges[line]++;
        mortality.step();
    }

    @Override
    public void interruptLevel(int line, boolean asserted) {
        mortality.step();
        levels[line] = asserted;
        if (asserted) {
            edges[line]++;
        }
        mortality.step();
    }

    @Override
    public void guestError(int code, long detail) {
        guestErrors++;
        lastGuestErrorCode = code;
        lastGuestErrorDetail = detail;
        mortality.step();
    }

    @Override
    public void power(PowerAction action, PowerOrigin origin) {
        throw new AssertionError("a virtio device has no say in power");
    }

    @Override
    public void configChanged(int function, int generation) {
        configChanges++;
        mortality.step();
    }

    @Override
    public void needsReset(int function, int reason) {
        needsResets++;
        mortality.step();
    }
}
