package io.jvmm.device.net;

import io.jvmm.device.api.Backend;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.trace.Tape;

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
    private final Fd in;
    private final Fd out;
    private final long inputBefore;
    private final long outputBefore;
    private int inPlace;
    private int outPlace;

    /**
     * @param index which of the device's ports
     * @param out the same as {@code in}, but in the warm-up
     */
    PortBackend(int function, NetCore device, int index, FramePort port, Fd in, Fd out) {
        this.function = function;
        this.device = device;
        this.index = index;
        this.port = port;
        this.in = in;
        this.out = out;
        this.inputBefore = device.state().counter(NetCounter.RX_BYTES);
        this.outputBefore = device.state().counter(NetCounter.TX_BYTES);
    }

    /** What carries the frames. */
    FramePort framePort() {
        return port;
    }

    @Override
    public int port() {
        return function;
    }

    /** The card counts for all its ports, and in its state: what a predecessor has moved is in there, too. */
    @Override
    public long inputBytes() {
        return index == 0 ? device.state().counter(NetCounter.RX_BYTES) - inputBefore : 0;
    }

    @Override
    public long outputBytes() {
        return index == 0 ? device.state().counter(NetCounter.TX_BYTES) - outputBefore : 0;
    }

    @Override
    public int maxDescriptors() {
        return 2;
    }

    @Override
    public boolean hasWork() {
        return port.hasInput() && device.wantsInput(index);
    }

    @Override
    public boolean attach(Poller poller, long nowNs) {
        inPlace = poller.add(in, 0);
        outPlace = poller.add(out, 0);
        unwatch(poller);
        return true;
    }

    /**
     * A hang-up is shown by poll whether asked for or not, so a port nothing is wanted of is not shown to it: it is found out
     * when it is used next.
     */
    @Override
    public void watch(Poller poller) {
        watch(poller, inPlace, in, Poller.READABLE, device.wantsInput(index));
        watch(poller, outPlace, out, Poller.WRITABLE, device.wantsOutput(index) || port.hasOutput());
    }

    private void watch(Poller poller, int place, Fd fd, int events, boolean wanted) {
        if (wanted && !device.lost()) {
            poller.watch(place, fd, events);
        } else {
            poller.ignore(place);
        }
    }

    @Override
    public void unwatch(Poller poller) {
        poller.ignore(inPlace);
        poller.ignore(outPlace);
    }

    @Override
    public boolean service(Poller poller, long nowNs) {
        if (device.lost()) {
            return false;
        }
        boolean output = (poller.ready(outPlace) & (Poller.WRITABLE | BROKEN)) != 0;
        if (output) {
            tell(NetCall.OUTPUT, nowNs);
            device.output(index);
        }
        if ((poller.ready(inPlace) & (Poller.READABLE | BROKEN)) != 0) {
            tell(NetCall.INPUT, nowNs);
            device.input(index);
        }
        return output;
    }

    /** What the card is told is written down where there is a tape. */
    private void tell(NetCall call, long nowNs) {
        Tape tape = device.host().tape();
        if (tape != null) {
            tape.call(call.code(), function, index, 0, nowNs);
        }
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
        tell(NetCall.INPUT, nowNs);
        device.input(index);
        return false;
    }
}
