package io.jvmm.it.rngv2;

import io.jvmm.device.api.DeviceConfig;
import io.jvmm.device.api.StateRejectedException;
import io.jvmm.device.rng.RngDevice;
import io.jvmm.device.virtio.BrokenAnswer;
import io.jvmm.device.virtio.VirtioDevice;
import io.jvmm.device.virtio.VirtioFactory;
import io.jvmm.device.virtio.VirtioHost;
import io.jvmm.device.virtio.VirtioIdentity;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.ValueLayout;
import org.agrona.concurrent.AtomicBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * The entropy device with one more field in its own part of the state, in front of those of version 1:
 *
 * <pre>
 *    0                8
 *    | u64 "RNG two!" | version 1's ...
 * </pre>
 *
 * A version that takes the other's state for its own finds that at once.
 */
final class RngV2Device implements VirtioFactory {
    static final int VERSION = 2;
    /** What the new field must hold: "RNG two!". */
    static final long MARK = 0x216f_7774_2047_4e52L;

    static final int MARK_BYTES = Long.BYTES;

    private final RngDevice before = new RngDevice();

    VirtioFactory before() {
        return before;
    }

    @Override
    public String name() {
        return before.name();
    }

    @Override
    public int stateId() {
        return before.stateId();
    }

    @Override
    public int stateVersion() {
        return VERSION;
    }

    @Override
    public VirtioIdentity identity(DeviceConfig config) {
        VirtioIdentity v1 = before.identity(config);
        return new VirtioIdentity(
                v1.deviceType(),
                v1.pciClass(),
                v1.features(),
                v1.queueSizes(),
                v1.configLengthBytes(),
                MARK_BYTES + v1.stateLengthBytes());
    }

    @Override
    public MemoryLayout stateLayout(DeviceConfig config) {
        return MemoryLayout.structLayout(
                ValueLayout.JAVA_LONG.withName("mark"),
                before.stateLayout(config).withName("v1"));
    }

    @Override
    public BrokenAnswer whenBroken(VirtioIdentity identity, int queue, long features) {
        return before.whenBroken(identity, queue, features);
    }

    @Override
    public VirtioDevice create(
            int function, DeviceConfig config, AtomicBuffer state, boolean fresh, VirtioHost host, long nowNs) {
        if (fresh) {
            state.putLong(0, MARK);
        } else if (state.getLong(0) != MARK) {
            throw new StateRejectedException("the state of version 2 has no mark");
        }
        AtomicBuffer v1 = new UnsafeBuffer(state, MARK_BYTES, state.capacity() - MARK_BYTES);
        return new Marked(before.create(function, config, v1, fresh, host, nowNs), identity(config));
    }

    @Override
    public DeviceConfig exampleConfig() {
        return before.exampleConfig();
    }

    @Override
    public void exercise(VirtioExercise machine) {
        before.exercise(machine);
    }

    /** Version 1's behaviour under version 2's facts. */
    private record Marked(VirtioDevice device, VirtioIdentity identity) implements VirtioDevice {
        @Override
        public long readConfig(int offset, int widthBytes) {
            return device.readConfig(offset, widthBytes);
        }

        @Override
        public void reset(long nowNs) {
            device.reset(nowNs);
        }

        @Override
        public void queueReset(int queue, long nowNs) {
            device.queueReset(queue, nowNs);
        }

        @Override
        public boolean service(int queue, long nowNs) {
            return device.service(queue, nowNs);
        }

        @Override
        public long nextDeadlineNs() {
            return device.nextDeadlineNs();
        }

        @Override
        public void timer(long nowNs) {
            device.timer(nowNs);
        }
    }
}
