package io.jvmm.device.balloon;

import io.jvmm.device.api.Backend;
import io.jvmm.device.api.Descriptors;
import io.jvmm.device.api.DeviceConfig;
import io.jvmm.device.api.HostBytes;
import io.jvmm.device.api.HostEvents;
import io.jvmm.device.api.NamedRegister;
import io.jvmm.device.virtio.BrokenAnswer;
import io.jvmm.device.virtio.VirtioClass;
import io.jvmm.device.virtio.VirtioDevice;
import io.jvmm.device.virtio.VirtioHost;
import io.jvmm.device.virtio.VirtioIdentity;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.state.StateFormats;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.agrona.concurrent.AtomicBuffer;

/** What the balloon is, and how to make one. */
public final class BalloonDevice extends VirtioClass {

    private static final int STATE_ID = 0x5642_414C; // "VBAL"
    private static final Map<String, String> EXAMPLE =
            Map.of("stats-interval-s", "1", "packed", "true", "target-bytes", "65536");
    private static final long SECOND_NS = 1_000_000_000;
    private static final int EXERCISED_PAGES = 16;
    private static final int EXERCISED_STATISTICS = 10;
    private static final int REPORTED_BYTES = 3 * BalloonCore.PAGE_BYTES;
    /** Behind what the scratch driver uses of its memory. */
    private static final int FIRST_PAGE = 64;

    private final PageReturner.Discarder discarder;

    /** Pages go back to the host. */
    public BalloonDevice() {
        this(GuestMemory::discardAt);
    }

    /** For tests. */
    BalloonDevice(PageReturner.Discarder discarder) {
        super("balloon", STATE_ID, BalloonStateLayout.VERSION, BalloonStateLayout.STATE_V1, EXAMPLE);
        this.discarder = discarder;
    }

    @Override
    public List<NamedRegister> configFields() {
        return List.of(
                new NamedRegister("num_pages", 0, 0, 4),
                new NamedRegister("actual", 0, 4, 4),
                new NamedRegister("free_page_hint_cmd_id", 0, 8, 4),
                new NamedRegister("poison_val", 0, 12, 4));
    }

    @Override
    public StateFormats stateFormats() {
        return BalloonFormats.state();
    }

    @Override
    public Map<Integer, String> featureNames() {
        return BalloonFormats.features();
    }

    @Override
    public VirtioIdentity identity(DeviceConfig config) {
        return BalloonCore.identity(BalloonConfig.from(config));
    }

    @Override
    public VirtioDevice create(
            int function, DeviceConfig config, AtomicBuffer state, boolean fresh, VirtioHost host, long nowNs) {
        return new BalloonCore(BalloonConfig.from(config), state, fresh, host, discarder, nowNs);
    }

    /** Pages go back by madvise(2) and fallocate(2); they are only counted. */
    @Override
    public List<Backend> backends(
            List<DeviceConfig> configs, Descriptors descriptors, List<VirtioDevice> devices, HostEvents events) {
        List<Backend> counts = new ArrayList<>();
        for (VirtioDevice device : devices) {
            if (device instanceof BalloonCore core) {
                counts.add(new HostBytes(counts.size(), () -> 0, core::bytesGivenBack));
            }
        }
        return counts;
    }

    @Override
    public String guestErrorName(int code) {
        return switch (code) {
            case BalloonCore.ERROR_NOT_MEMORY -> "NOT_MEMORY";
            case BalloonCore.ERROR_FRAMING -> "FRAMING";
            case BalloonCore.ERROR_SECOND_BUFFER -> "SECOND_BUFFER";
            case BalloonCore.ERROR_NO_SUCH_QUEUE -> "NO_SUCH_QUEUE";
            default -> "";
        };
    }

    /**
     * Linux sleeps until what it tells has been heard, deflating even when it runs out of memory. The buffer for statistics is one the device keeps. That nothing was given
     * back to the host is the host's business.
     */
    @Override
    public BrokenAnswer whenBroken(VirtioIdentity identity, int queue, long features) {
        return switch (BalloonQueue.of(queue, features)) {
            case INFLATE, DEFLATE, HINT, REPORTING -> BrokenAnswer.RETURN;
            case STATS, NONE -> BrokenAnswer.LEAVE;
        };
    }

    /** A driver that inflates, deflates, reports free pages and tells statistics; and numbers of pages that are none. */
    @Override
    public void exercise(VirtioExercise machine) {
        for (boolean packed : new boolean[] {false, true}) {
            machine.setUp(-1L, packed);
            machine.offer(BalloonQueue.STATS.index(), statistics(), 0);
            machine.offer(BalloonQueue.INFLATE.index(), pages(FIRST_PAGE + 2 * EXERCISED_PAGES, -1), 0);
            machine.offer(BalloonQueue.INFLATE.index(), pages(FIRST_PAGE, 2), 0);
            machine.offer(BalloonQueue.INFLATE.index(), pages(-1, 0), 0);
            machine.offer(BalloonQueue.DEFLATE.index(), pages(FIRST_PAGE, 2), 0);
            machine.offer(BalloonQueue.REPORTING.index(), new byte[0], REPORTED_BYTES);
            machine.offer(BalloonQueue.HINT.index(), new byte[Integer.BYTES], 0);
            machine.advance(2 * SECOND_NS);
            machine.reap();
        }
    }

    private static byte[] pages(int first, int step) {
        ByteBuffer numbers =
                ByteBuffer.allocate(EXERCISED_PAGES * Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < EXERCISED_PAGES; i++) {
            numbers.putInt(first + i * step);
        }
        return numbers.array();
    }

    private static byte[] statistics() {
        ByteBuffer entries = ByteBuffer.allocate(EXERCISED_STATISTICS * (Short.BYTES + Long.BYTES))
                .order(ByteOrder.LITTLE_ENDIAN);
        for (short tag = 0; tag < EXERCISED_STATISTICS; tag++) {
            entries.putShort(tag).putLong(tag);
        }
        return entries.array();
    }
}
