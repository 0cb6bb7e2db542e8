package io.jvmm.device.virtio;

import io.jvmm.device.api.Backend;
import io.jvmm.device.api.Descriptors;
import io.jvmm.device.api.DeviceConfig;
import io.jvmm.device.api.HostEvents;
import io.jvmm.ipc.memory.GuestMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import org.agrona.concurrent.AtomicBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A device of a type nobody has, for the transport's tests. Queue 0 copies the readable part of a chain to the writable one, at once.
 * Queue 1 does the same later, in any order: a write of a seed to the device configuration completes all it holds, shuffled by the
 * seed. Queue 2 answers with one group of all the buffers there are, published together.
 */
final class EchoFactory implements VirtioFactory {
    static final int ECHO = 0;
    static final int LATER = 1;
    static final int GROUP = 2;
    static final int COUNTER = 0;
    static final int RELEASE = 8;
    static final int CONFIG_BYTES = 12;
    static final int STATE_BYTES = 16;
    static final int MOST_BYTES = 4096;
    static final int MOST_SEGMENTS = 64;
    static final int BROKEN_STATUS = 0x5A;
    static final BrokenAnswer BROKEN = BrokenAnswer.status(BROKEN_STATUS);
    static final long DEVICE_FEATURE = 1L << 3;
    static final long NOT_ALONE = 1L << 4;

    private final int queueSize;
    private final boolean packed;
    /** What the device last made, for tests that talk to it directly. */
    private @Nullable Device latest;

    /** The device the process made last. */
    Device latest() {
        return Objects.requireNonNull(latest);
    }

    EchoFactory() {
        this(256, true);
    }

    EchoFactory(int queueSize, boolean packed) {
        this.queueSize = queueSize;
        this.packed = packed;
    }

    @Override
    public String name() {
        return "echo";
    }

    @Override
    public int stateId() {
        return 0x4543484F;
    }

    @Override
    public int stateVersion() {
        return 1;
    }

    @Override
    public VirtioIdentity identity(DeviceConfig config) {
        return new VirtioIdentity(
                42,
                0xFF0000,
                VirtioFeature.USUAL
                        | (packed ? VirtioFeature.RING_PACKED : 0)
                        | DEVICE_FEATURE
                        | NOT_ALONE
                        | VirtioFeature.IN_ORDER,
                List.of(queueSize, queueSize, queueSize),
                CONFIG_BYTES,
                STATE_BYTES);
    }

    /** A status for the first, an empty hand for the second, and the third is left. */
    @Override
    public BrokenAnswer whenBroken(VirtioIdentity identity, int queue, long features) {
        return switch (queue) {
            case ECHO -> BROKEN;
            case LATER -> BrokenAnswer.RETURN;
            default -> BrokenAnswer.LEAVE;
        };
    }

    @Override
    public long readBrokenConfig(AtomicBuffer state, int offset, int widthBytes) {
        return offset;
    }

    @Override
    public VirtioDevice create(
            int function, DeviceConfig config, AtomicBuffer state, boolean fresh, VirtioHost host, long nowNs) {
        Device made = new Device(identity(config), state, host);
        latest = made;
        return made;
    }

    @Override
    public List<Backend> backends(
            List<DeviceConfig> configs, Descriptors descriptors, List<VirtioDevice> devices, HostEvents events) {
        return List.of();
    }

    @Override
    public DeviceConfig exampleConfig() {
        return key -> Optional.empty();
    }

    @Override
    public void exercise(VirtioExercise machine) {
        for (int round = 0; round < 2; round++) {
            machine.setUp(VirtioFeature.USUAL, packed && round == 1);
            for (int i = 0; i < 24; i++) {
                machine.offer(ECHO, new byte[] {1, 2, 3, 4}, 64);
                machine.reap();
                machine.offer(LATER, new byte[] {1, 2, 3, 4}, 64);
                machine.write(0, FunctionLayout.DEVICE + RELEASE, 4, i);
                machine.reap();
            }
        }
    }

    /** The device; {@code quiet} and {@code budget} are the tests'. */
    static final class Device implements VirtioDevice {
        private final VirtioIdentity identity;
        private final AtomicBuffer state;
        private final VirtioHost host;
        private final Chain chain;
        private final MemorySegment bytes = Arena.ofAuto().allocate(MOST_BYTES);
        private final ArrayDeque<Chain> held = new ArrayDeque<>();
        boolean quiet = true;
        int budget = 64;
        int resumes;
        int activations;

        Device(VirtioIdentity identity, AtomicBuffer state, VirtioHost host) {
            this.identity = identity;
            this.state = state;
            this.host = host;
            this.chain = new Chain(host.memory(), MOST_SEGMENTS);
        }

        VirtioHost host() {
            return host;
        }

        @Override
        public VirtioIdentity identity() {
            return identity;
        }

        @Override
        public long readConfig(int offset, int widthBytes) {
            long value = offset < 8 ? state.getLong(COUNTER) >>> (8 * offset) : 0;
            return widthBytes == 8 ? value : value & ((1L << (8 * widthBytes)) - 1);
        }

        @Override
        public void writeConfig(int offset, int widthBytes, long value, long nowNs) {
            if (offset == RELEASE) {
                release(new Random(value));
            }
        }

        @Override
        public boolean acceptsFeatures(long features) {
            return (features & NOT_ALONE) == 0 || (features & DEVICE_FEATURE) != 0;
        }

        @Override
        public void activate(long features, long nowNs) {
            activations++;
        }

        @Override
        public void reset(long nowNs) {
            held.clear();
        }

        @Override
        public void queueReset(int queue, long nowNs) {
            if (queue == LATER) {
                held.clear();
            }
        }

        @Override
        public boolean quiet(int queue) {
            return quiet;
        }

        @Override
        public boolean service(int queue, long nowNs) {
            Virtqueue from = host.queue(queue);
            return switch (queue) {
                case ECHO -> echo(from);
                case LATER -> hold(from);
                default -> group(from);
            };
        }

        private boolean echo(Virtqueue queue) {
            int done = 0;
            while (done < budget && queue.pop(chain)) {
                answer(queue, chain);
                done++;
            }
            queue.publish();
            return done == budget;
        }

        private void answer(Virtqueue queue, Chain from) {
            int length = from.read(0, bytes, 0, (int) Math.min(MOST_BYTES, from.writableBytes()));
            queue.complete(from.head(), from.write(0, bytes, 0, length));
            state.putLong(COUNTER, state.getLong(COUNTER) + 1);
        }

        private boolean hold(Virtqueue queue) {
            while (true) {
                Chain next = new Chain(host.memory(), MOST_SEGMENTS);
                if (!queue.pop(next)) {
                    return false;
                }
                held.add(next);
            }
        }

        private void release(Random random) {
            Virtqueue queue = host.queue(LATER);
            while (!held.isEmpty()) {
                for (int turn = random.nextInt(held.size()); turn > 0; turn--) {
                    held.add(held.remove());
                }
                answer(queue, held.remove());
            }
            queue.publish();
        }

        private boolean group(Virtqueue queue) {
            while (queue.pop(chain)) {
                answer(queue, chain);
            }
            queue.publish();
            return false;
        }

        @Override
        public void resume(long nowNs) {
            resumes++;
        }
    }

    /** All of guest memory, for tests that look for what should not have changed. */
    static byte[] copy(GuestMemory memory) {
        byte[] copy = new byte[(int) memory.lengthBytes()];
        MemorySegment.copy(memory.backing(), 0, MemorySegment.ofArray(copy), 0, copy.length);
        return copy;
    }
}
