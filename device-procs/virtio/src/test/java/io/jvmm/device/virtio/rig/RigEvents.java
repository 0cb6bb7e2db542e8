package io.jvmm.device.virtio.rig;

import io.jvmm.device.api.HostEvents;
import java.util.ArrayList;
import java.util.List;

/** What a device has told the supervisor, in words. */
final class RigEvents implements HostEvents {
    final List<String> told = new ArrayList<>();

    @Override
    public void escape(int port, int what) {
        told.add("escape " + port + " " + what);
    }

    @Override
    public void backendLost(int port, int errno) {
        told.add("lost " + port + " " + errno);
    }

    @Override
    public void warn(String line) {
        told.add("warn " + line);
    }
}
