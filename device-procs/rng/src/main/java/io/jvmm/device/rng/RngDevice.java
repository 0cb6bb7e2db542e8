package io.jvmm.device.rng;

import io.jvmm.device.api.Backend;
import io.jvmm.device.api.Descriptors;
import io.jvmm.device.api.DeviceConfig;
import io.jvmm.device.api.HostBytes;
import io.jvmm.device.api.HostEvents;
import io.jvmm.device.api.trace.HostCalls;
import io.jvmm.device.virtio.BrokenAnswer;
import io.jvmm.device.virtio.VirtioClass;
import io.jvmm.device.virtio.VirtioDevice;
import io.jvmm.device.virtio.VirtioHost;
import io.jvmm.device.virtio.VirtioIdentity;
import io.jvmm.ipc.state.StateFormats;
import io.jvmm.ipc.sys.Entropy;
import io.jvmm.ipc.trace.Tape;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.agrona.concurrent.AtomicBuffer;

/** What the entropy device is, and how to make one. */
public final class RngDevice extends VirtioClass {

    private static final int STATE_ID = 0x5652_4E47; // "VRNG"
    private static final Map<String, String> EXAMPLE = Map.of("rate-bytes", "100000", "packed", "true");
    private static final int EXERCISED_BUFFERS = 8;
    private static final int EXERCISED_BYTES = 64;
    private static final int TOO_MUCH_BYTES = 200_000;
    private static final long SECOND_NS = 1_000_000_000;

    private static final EntropySource KERNEL =
            (memory, offset, lengthBytes) -> Entropy.tryFill(memory.backing(), offset, lengthBytes);

    private final EntropySource source;

    /** Random numbers of the kernel. */
    public RngDevice() {
        this(KERNEL);
    }

    /** For tests. */
    RngDevice(EntropySource source) {
        super("rng", STATE_ID, RngStateLayout.VERSION, RngStateLayout.STATE_V1, EXAMPLE);
        this.source = source;
    }

    @Override
    public boolean answersKicks() {
        return true;
    }

    @Override
    public StateFormats stateFormats() {
        return RngStateLayout.formats();
    }

    @Override
    public VirtioIdentity identity(DeviceConfig config) {
        return RngCore.identity(RngConfig.from(config));
    }

    @Override
    public VirtioDevice create(
            int function, DeviceConfig config, AtomicBuffer state, boolean fresh, VirtioHost host, long nowNs) {
        Tape tape = host.tape();
        EntropySource its = tape == null ? source : new RecordedEntropy(tape, source);
        return new RngCore(RngConfig.from(config), state, fresh, host, its, nowNs);
    }

    /** Entropy comes by getrandom(2); it is only counted. */
    @Override
    public List<Backend> backends(
            List<DeviceConfig> configs, Descriptors descriptors, List<VirtioDevice> devices, HostEvents events) {
        List<Backend> counts = new ArrayList<>();
        for (VirtioDevice device : devices) {
            if (device instanceof RngCore core) {
                counts.add(new HostBytes(counts.size(), core::bytesGiven, () -> 0));
            }
        }
        return counts;
    }

    @Override
    public HostCalls hostCalls(List<DeviceConfig> configs, List<VirtioDevice> devices, Tape tape) {
        return RecordedEntropy.NAMES;
    }

    @Override
    public String guestErrorName(int code) {
        return switch (code) {
            case RngCore.ERROR_NO_ROOM -> "NO_ROOM";
            case RngCore.ERROR_READABLE -> "READABLE_BUFFER";
            default -> "";
        };
    }

    /**
     * There is no way to say no (§5.4.6). A buffer that comes back empty has Linux before 5.18 ask again at once, for as long as there is a reader; later ones do
     * not put it back and wait then. One that does not come back has its reader wait, where a signal reaches it.
     */
    @Override
    public BrokenAnswer whenBroken(VirtioIdentity identity, int queue, long features) {
        return BrokenAnswer.LEAVE;
    }

    /** A driver that asks for some bytes at a time, then for more than the limiter grants, and waits. */
    @Override
    public void exercise(VirtioExercise machine) {
        for (boolean packed : new boolean[] {false, true}) {
            machine.setUp(-1L, packed);
            for (int i = 0; i < EXERCISED_BUFFERS; i++) {
                machine.offer(RngCore.REQUESTQ, new byte[0], EXERCISED_BYTES);
                machine.reap();
            }
            machine.offer(RngCore.REQUESTQ, new byte[1], 0);
            machine.offer(RngCore.REQUESTQ, new byte[0], TOO_MUCH_BYTES);
            machine.offer(RngCore.REQUESTQ, new byte[0], TOO_MUCH_BYTES);
            machine.advance(SECOND_NS);
            machine.reap();
        }
    }
}
