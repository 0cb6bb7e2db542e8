package io.jvmm.device.api;

import io.jvmm.ipc.sys.Poller;
import java.util.concurrent.locks.LockSupport;

/** A back end of nothing, by which an intruder knows that the device serves, and can hold its thread. */
final class HostileBrake implements Backend {
    private final HostileFactory factory;

    HostileBrake(HostileFactory factory) {
        this.factory = factory;
    }

    @Override
    public int port() {
        return 255;
    }

    @Override
    public int maxDescriptors() {
        return 0;
    }

    @Override
    public boolean attach(Poller poller, long nowNs) {
        return false;
    }

    @Override
    public void watch(Poller poller) {}

    @Override
    public void unwatch(Poller poller) {}

    @Override
    public boolean service(Poller poller, long nowNs) {
        return false;
    }

    /** Called in each cycle of a device that serves. */
    @Override
    public boolean flush(long nowNs) {
        factory.serves = true;
        while (factory.frozen) {
            LockSupport.parkNanos(10_000_000);
        }
        return false;
    }

    @Override
    public boolean deliver(long nowNs) {
        return false;
    }
}
