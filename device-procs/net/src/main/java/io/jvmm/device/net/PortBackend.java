package io.jvmm.device.net;

import io.jvmm.device.api.Backend;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Poller;

/**
 * Watches the descriptor of one port for a function: it is read while the guest has buffers, and written when it takes again
 * what the guest's queue waits with. See {@link Backend} for thread and hostility.
 */
final class PortBackend implements Backend {
    private static final int BROKEN = Poller.HANG_UP | Poller.ERROR | Poller.INVALID;

    private final int function;
    private final NetCore device;
    private final int index;
    private final FramePort port;
    private final Fd fd;
    private int place = -1;

    /** @param index which of the device's ports */
    PortBackend(int function, NetCore device, int index, FramePort port, Fd fd) {
        this.function = function;
        this.device = device;
        this.index = index;
        this.port = port;
        this.fd = fd;
    }

    @Override
    public int port() {
        return function;
    }

    @Override
    public int maxDescriptors() {
        return 1;
    }

    @Override
    public boolean hasWork() {
        return port.hasInput() && device.wantsInput(index);
    }

    @Override
    public boolean attach(Poller poller, long nowNs) {
        place = poller.add(fd, 0);
        poller.ignore(place);
        return true;
    }

    /**
     * A hang-up is shown by poll whether asked for or not, so a port nothing is wanted of is not shown to it: it is found out
     * when it is used next.
     */
    @Override
    public void watch(Poller poller) {
        int input = device.wantsInput(index) ? Poller.READABLE : 0;
        int output = device.wantsOutput(index) || port.hasOutput() ? Poller.WRITABLE : 0;
        if ((input | output) == 0 || device.lost()) {
            poller.ignore(place);
        } else {
            poller.watch(place, fd, input | output);
        }
    }

    @Override
    public void unwatch(Poller poller) {
        poller.ignore(place);
    }

    @Override
    public boolean service(Poller poller, long nowNs) {
        int ready = poller.ready(place);
        if (ready == 0 || device.lost()) {
            return false;
        }
        if ((ready & (Poller.WRITABLE | BROKEN)) != 0) {
            device.output(index);
        }
        if ((ready & (Poller.READABLE | BROKEN)) != 0) {
            device.input(index);
        }
        return true;
    }

    @Override
    public boolean flush(long nowNs) {
        return false; // the guest's queue is flushed at the end of each of its batches
    }

    /** Frames that were read together with others, for which there was no room yet. */
    @Override
    public boolean deliver(long nowNs) {
        if (!hasWork()) {
            return false;
        }
        device.input(index);
        return false;
    }
}
