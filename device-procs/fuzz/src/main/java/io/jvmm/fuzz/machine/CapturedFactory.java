package io.jvmm.fuzz.machine;

import io.jvmm.device.api.DeviceConfig;
import io.jvmm.device.virtio.ForwardingFactory;
import io.jvmm.device.virtio.VirtioDevice;
import io.jvmm.device.virtio.VirtioFactory;
import io.jvmm.device.virtio.VirtioHost;
import org.agrona.concurrent.AtomicBuffer;
import org.jspecify.annotations.Nullable;

/** A shipped factory, and which device it made last: the transport keeps that to itself. */
public final class CapturedFactory extends ForwardingFactory {
    private @Nullable VirtioDevice latest;

    CapturedFactory(VirtioFactory factory) {
        super(factory);
    }

    @Nullable
    VirtioDevice latest() {
        return latest;
    }

    @Override
    public VirtioDevice create(
            int function, DeviceConfig config, AtomicBuffer state, boolean fresh, VirtioHost host, long nowNs) {
        VirtioDevice made = super.create(function, config, state, fresh, host, nowNs);
        latest = made;
        return made;
    }
}
