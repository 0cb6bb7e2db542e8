package io.jvmm.device.api;

import io.jvmm.ipc.sys.Poller;
import java.util.function.LongSupplier;

/**
 * A back end without a descriptor, that waits for nothing and moves nothing: it tells what a function has counted that reaches its host by system calls of its own, or by
 * another back end that knows no bytes.
 * Device thread; allocates nothing.
 */
public final class HostBytes implements Backend {
    private final int port;
    private final LongSupplier input;
    private final LongSupplier output;

    /**
     * What a function has moved since it was made, in bytes.
     *
     * @param port its number
     * @param input what came from the host
     * @param output what went there
     */
    public HostBytes(int port, LongSupplier input, LongSupplier output) {
        this.port = port;
        this.input = input;
        this.output = output;
    }

    @Override
    public int port() {
        return port;
    }

    @Override
    public long inputBytes() {
        return input.getAsLong();
    }

    @Override
    public long outputBytes() {
        return output.getAsLong();
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
    public void watch(Poller poller) {
        // there is no descriptor
    }

    @Override
    public void unwatch(Poller poller) {
        // there is no descriptor
    }

    @Override
    public boolean service(Poller poller, long nowNs) {
        return false;
    }

    @Override
    public boolean flush(long nowNs) {
        return false;
    }

    @Override
    public boolean deliver(long nowNs) {
        return false;
    }
}
