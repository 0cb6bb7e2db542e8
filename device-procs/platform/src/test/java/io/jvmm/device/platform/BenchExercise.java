package io.jvmm.device.platform;

import io.jvmm.device.api.DeviceCore;
import io.jvmm.device.api.Exercise;

/** Plays an exercise on a core in virtual time. */
final class BenchExercise implements Exercise {
    private final DeviceCore device;
    private long now = 1;

    BenchExercise(DeviceCore device) {
        this.device = device;
    }

    @Override
    public void read(int region, int offset, int widthBytes) {
        device.read(region, offset, widthBytes, now);
    }

    @Override
    public void write(int region, int offset, int widthBytes, long value) {
        device.write(region, offset, widthBytes, value, now);
    }

    @Override
    public void hostInput(int port, String text) {}

    @Override
    public void advance(long durationNs) {
        now += durationNs;
        device.timer(now);
    }

    @Override
    public void resample(int line) {
        device.resample(line, now);
    }

    @Override
    public void powerButton() {
        device.powerButton(now);
    }
}
