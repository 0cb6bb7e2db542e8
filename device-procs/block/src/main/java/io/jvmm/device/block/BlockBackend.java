package io.jvmm.device.block;

import io.jvmm.device.api.Backend;
import io.jvmm.device.api.HostEvents;
import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.trace.Tape;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Brings what the workers have done back to the devices; the host's end of all disks of the process. Device thread. */
final class BlockBackend implements Backend {
    private static final int MOST_AT_ONCE = 64;

    private final BlockDevice[] devices;
    private final Workers pool;
    private final @Nullable Tape tape;
    private final HostEvents events;

    /** @param tape what the disks are told is written down on it, unless it is null */
    BlockBackend(List<BlockDevice> devices, Workers pool, @Nullable Tape tape, HostEvents events) {
        this.tape = tape;
        this.events = events;
        this.devices = devices.toArray(new BlockDevice[0]);
        this.pool = pool;
    }

    @Override
    public int port() {
        return 0;
    }

    @Override
    public int maxDescriptors() {
        return 1;
    }

    @Override
    public boolean attach(Poller poller, long nowNs) {
        pool.bell().attach(poller);
        return false;
    }

    @Override
    public void watch(Poller poller) {
        pool.bell().watch(poller);
    }

    @Override
    public void unwatch(Poller poller) {
        pool.bell().unwatch(poller);
    }

    @Override
    public boolean service(Poller poller, long nowNs) {
        pool.bell().awake(poller);
        return deliver(nowNs);
    }

    @Override
    public boolean flush(long nowNs) {
        return false;
    }

    @Override
    public boolean hasWork() {
        return pool.hasCompleted();
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
                finished(last, nowNs);
            }
            last = request.device;
            tell(BlockCall.FINISH, last, request.ticket, request.result, nowNs);
            last.finish(request);
            count++;
        }
        if (last != null) {
            finished(last, nowNs);
        }
        for (BlockDevice device : devices) {
            device.trouble().tell(events, nowNs);
        }
        return count > 0;
    }

    private void finished(BlockDevice device, long nowNs) {
        tell(BlockCall.FINISHED, device, 0, 0, nowNs);
        device.finished();
    }

    private void tell(BlockCall call, BlockDevice device, int ticket, long result, long nowNs) {
        if (tape != null) {
            int function = 0;
            while (devices[function] != device) {
                function++;
            }
            tape.call(call.code(), function, ticket, result, nowNs);
        }
    }

    @Override
    public long inputBytes() {
        long bytes = 0;
        for (BlockDevice device : devices) {
            bytes += device.traffic.inputBytes();
        }
        return bytes;
    }

    @Override
    public long outputBytes() {
        long bytes = 0;
        for (BlockDevice device : devices) {
            bytes += device.traffic.outputBytes();
        }
        return bytes;
    }

    @Override
    public boolean settle(long nowNs, long patienceNs) {
        long beginNs = Clock.monotonicNs();
        boolean changed = await(nowNs, beginNs + patienceNs);
        if (settled()) {
            for (BlockDevice device : devices) {
                tell(BlockCall.MAKE_SAFE, device, 0, 0, nowNs);
                device.makeSafe();
            }
            changed |= await(nowNs, beginNs + patienceNs);
        }
        for (BlockDevice device : devices) {
            if (device.isBusy()) {
                device.trouble().tellWait(events, device.unfinished(), Clock.monotonicNs() - beginNs);
            }
        }
        return changed;
    }

    private boolean await(long nowNs, long untilNs) {
        boolean changed = false;
        while (!settled() && Clock.monotonicNs() < untilNs) {
            pool.await();
            changed |= deliver(nowNs);
        }
        return changed;
    }

    @Override
    public boolean settled() {
        return !isBusy();
    }

    private boolean isBusy() {
        for (BlockDevice device : devices) {
            if (device.isBusy()) {
                return true;
            }
        }
        return false;
    }

    @Override
    public void close() {
        pool.close();
        for (BlockDevice device : devices) {
            device.detach();
        }
    }
}
