package io.jvmm.device.api;

import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.MemFd;
import org.jspecify.annotations.Nullable;

/** Guest memory of a scratch machine, or none. */
final class ScratchMemory implements AutoCloseable {

    /** What the machines of warm-up, training and scripts have. */
    static final int LENGTH_BYTES = 1 << 20;

    private final @Nullable MemFd fd;
    private final @Nullable GuestMemory memory;

    /** Memory for a device that uses it. */
    ScratchMemory(DeviceFactory factory) {
        this.fd = factory.usesGuestMemory(factory.exampleConfig()) ? MemFd.createSealed("scratch", LENGTH_BYTES) : null;
        this.memory = fd == null ? null : GuestMemory.map(fd.fd(), LENGTH_BYTES);
    }

    /** The memory, or null. */
    @Nullable
    GuestMemory orNull() {
        return memory;
    }

    /** The descriptor, or null. */
    @Nullable
    Fd fdOrNull() {
        return fd == null ? null : fd.fd();
    }

    /** The memory; see {@link Exercise#memory}. */
    GuestMemory get() {
        GuestMemory present = memory;
        if (present == null) {
            throw new IllegalStateException("the device does not use guest memory");
        }
        return present;
    }

    @Override
    public void close() {
        if (memory != null) {
            memory.close();
        }
        if (fd != null) {
            fd.close();
        }
    }
}
