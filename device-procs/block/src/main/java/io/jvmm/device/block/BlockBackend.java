package io.jvmm.device.block;

import io.jvmm.device.api.Backend;
import io.jvmm.ipc.sys.Poller;

/** Brings what the workers have done back to the devices; the host's end of all disks of the process. Device thread. */
final class BlockBackend implements Backend {
    private static final int MOST_AT_ONCE = 64;

    private final IoPool pool;
    private int index;

    BlockBackend(IoPool pool) {
        this.pool = pool;
    }

    @Override
    public int port() {
        return 0;
    }

    @Override
    public boolean attach(Poller poller, long nowNs) {
        index = poller.add(pool.doorbell().fd(), Poller.READABLE);
        return false;
    }

    @Override
    public void watch(Poller poller) {
        pool.prepareToSleep();
        poller.setEvents(index, Poller.READABLE);
    }

    @Override
    public void unwatch(Poller poller) {
        poller.ignore(index);
    }

    @Override
    public boolean service(Poller poller, long nowNs) {
        pool.awake();
        if (poller.ready(index) != 0) {
            pool.doorbell().drain();
        }
        return deliver(nowNs);
    }

    @Override
    public boolean flush(long nowNs) {
        return false;
    }

    @Override
    public boolean deliver(long nowNs) {
        BlockDevice last = null;
        int count = 0;
        while (count < MOST_AT_ONCE) {
            BlockRequest request = pool.poll();
            if (request == null) {
                break;
            }
            if (last != null && last != request.device) {
                last.finished();
            }
            last = request.device;
            last.finish(request);
            count++;
        }
        if (last != null) {
            last.finished();
        }
        return count > 0;
    }
}
