package io.jvmm.device.vsock;

import io.jvmm.device.api.DeviceConfig;
import io.jvmm.device.virtio.ForwardingFactory;
import io.jvmm.device.virtio.VirtioDevice;
import io.jvmm.device.virtio.VirtioHost;
import io.jvmm.ipc.trace.Tape;
import org.agrona.concurrent.AtomicBuffer;
import org.jspecify.annotations.Nullable;

/** Makes what {@link VsockFactory} makes and keeps the last device. */
final class CapturedFactory extends ForwardingFactory {
    private @Nullable VsockDevice device;

    CapturedFactory() {
        super(new VsockFactory());
    }

    /** The last device made for a guest. */
    @Nullable
    VsockDevice device() {
        return device;
    }

    @Override
    public VirtioDevice create(
            int function, DeviceConfig config, AtomicBuffer state, boolean fresh, VirtioHost host, long nowNs) {
        VirtioDevice made = super.create(function, config, state, fresh, host, nowNs);
        Tape tape = host.tape();
        if (tape == null || tape.live()) {
            device = (VsockDevice) made;
        }
        return made;
    }
}
