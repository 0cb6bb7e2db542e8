package io.jvmm.device.platform;

import io.jvmm.device.api.DeviceCore;
import io.jvmm.device.api.Exercise;
import io.jvmm.ipc.memory.GuestMemory;

/** Plays an exercise on a core in virtual time. */
final class BenchExercise implements Exercise {
    private final DeviceCore device;
    private final GuestMemory memory;
    private long now = 1;

    BenchExercise(DeviceCore device, GuestMemory memory) {
        this.device = device;
        this.memory = memory;
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
    public GuestMemory memory() {
        return memory;
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
