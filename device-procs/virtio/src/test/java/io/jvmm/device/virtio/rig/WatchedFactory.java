package io.jvmm.device.virtio.rig;

import io.jvmm.device.api.DeviceConfig;
import io.jvmm.device.virtio.Chain;
import io.jvmm.device.virtio.ForwardingFactory;
import io.jvmm.device.virtio.VirtioDevice;
import io.jvmm.device.virtio.VirtioFactory;
import io.jvmm.device.virtio.VirtioHost;
import io.jvmm.device.virtio.Virtqueue;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.trace.Tape;
import java.util.ArrayList;
import java.util.List;
import org.agrona.concurrent.AtomicBuffer;
import org.jspecify.annotations.Nullable;

/** Devices of another factory, of which somebody is told what chains function 0 takes from its queues, at that moment. */
final class WatchedFactory extends ForwardingFactory {

    /** Told on the device thread. */
    @FunctionalInterface
    interface Watcher {
        void taken(int queue, Chain chain);
    }

    private final Watcher watcher;

    WatchedFactory(VirtioFactory factory, Watcher watcher) {
        super(factory);
        this.watcher = watcher;
    }

    @Override
    public VirtioDevice create(
            int function, DeviceConfig config, AtomicBuffer state, boolean fresh, VirtioHost host, long nowNs) {
        Tape tape = host.tape();
        boolean watched = function == 0 && (tape == null || tape.live()); // a replay has no guest to ask
        VirtioHost between =
                watched ? new Between(host, identity(config).queueSizes().size()) : host;
        return super.create(function, config, state, fresh, between, nowNs);
    }

    private final class Between implements VirtioHost {
        private final VirtioHost host;
        private final List<Virtqueue> queues = new ArrayList<>();

        Between(VirtioHost host, int count) {
            this.host = host;
            for (int i = 0; i < count; i++) {
                queues.add(new WatchedQueue(host.queue(i), i));
            }
        }

        @Override
        public GuestMemory memory() {
            return host.memory();
        }

        @Override
        public @Nullable Tape tape() {
            return host.tape();
        }

        @Override
        public Virtqueue queue(int index) {
            return queues.get(index);
        }

        @Override
        public long features() {
            return host.features();
        }

        @Override
        public boolean active() {
            return host.active();
        }

        @Override
        public void configChanged() {
            host.configChanged();
        }

        @Override
        public void needsReset(int reason) {
            host.needsReset(reason);
        }

        @Override
        public void guestError(int code, long detail) {
            host.guestError(code, detail);
        }

        @Override
        public void wake(int queue) {
            host.wake(queue);
        }
    }

    private final class WatchedQueue implements Virtqueue {
        private final Virtqueue queue;
        private final int index;

        WatchedQueue(Virtqueue queue, int index) {
            this.queue = queue;
            this.index = index;
        }

        @Override
        public boolean pop(Chain into) {
            boolean found = queue.pop(into);
            if (found) {
                watcher.taken(index, into);
            }
            return found;
        }

        @Override
        public boolean ready() {
            return queue.ready();
        }

        @Override
        public int size() {
            return queue.size();
        }

        @Override
        public void unpop(Chain latest) {
            queue.unpop(latest);
        }

        @Override
        public boolean hasAvailable() {
            return queue.hasAvailable();
        }

        @Override
        public void complete(int head, long writtenBytes) {
            queue.complete(head, writtenBytes);
        }

        @Override
        public void publish() {
            queue.publish();
        }

        @Override
        public boolean wantKicks(boolean wanted) {
            return queue.wantKicks(wanted);
        }

        @Override
        public int outstanding() {
            return queue.outstanding();
        }
    }
}
