package io.jvmm.ipc.boot;

import io.jvmm.ipc.sys.Fd;

/** STUB: bodies follow. */
public final class BootChannel implements AutoCloseable {
    private BootChannel() {}

    public static BootChannel over(Fd socket) {
        return new BootChannel();
    }

    /** Sends everything; the descriptors stay the caller's and open. */
    public void send(BootRecord record) {}

    /** Waits for a record; its descriptors belong to the caller. */
    public BootRecord receive(long timeoutNs) {
        throw new UnsupportedOperationException();
    }

    public Fd fd() {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {}
}
