package io.jvmm.device.block;

import io.jvmm.device.api.Backend;
import io.jvmm.device.api.Descriptors;
import io.jvmm.device.api.DeviceConfig;
import io.jvmm.device.api.HostEvents;
import io.jvmm.device.api.NamedRegister;
import io.jvmm.device.api.trace.HostCalls;
import io.jvmm.device.block.image.BlockImage;
import io.jvmm.device.virtio.BrokenAnswer;
import io.jvmm.device.virtio.VirtioDevice;
import io.jvmm.device.virtio.VirtioFactory;
import io.jvmm.device.virtio.VirtioHost;
import io.jvmm.device.virtio.VirtioIdentity;
import io.jvmm.ipc.state.StateFormats;
import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.trace.Tape;
import java.lang.foreign.MemoryLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.agrona.concurrent.AtomicBuffer;

/** What the block device is, and how to make one. */
public final class BlockFactory implements VirtioFactory {

    private static final Map<String, String> EXAMPLE = Map.of(
            "path", "scratch",
            "format", "qcow2",
            "backing.0.format", "qcow2",
            "queues", "2",
            "queue-size", "16",
            "packed", "true",
            "serial", "jvmm-scratch",
            "io-threads", "1");

    private static final BrokenAnswer BROKEN = BrokenAnswer.status(Status.IOERR.value());

    private final ImageOpener opener;
    private final Workers.Maker workers;

    /** Disks out of the images that the supervisor opened. */
    public BlockFactory() {
        this(Images::open, IoPool::new);
    }

    /** The same for a device process, which may be a spare: threads for its disks are there before the disks are. */
    static BlockFactory ofProcess() {
        WorkerThreads threads = new WorkerThreads(true);
        return new BlockFactory(
                Images::open, (workers, capacity, maxSegments) -> new IoPool(threads, workers, capacity, maxSegments));
    }

    /** Disks out of something else, or in other hands, for tests. */
    BlockFactory(ImageOpener opener, Workers.Maker workers) {
        this.opener = opener;
        this.workers = workers;
    }

    /** As {@link Images#open}. */
    @FunctionalInterface
    interface ImageOpener {
        BlockImage open(BlockConfig config, DeviceConfig entries, Descriptors descriptors, String prefix, int lanes);
    }

    @Override
    public String name() {
        return "block";
    }

    @Override
    public int stateId() {
        return 0x424C_4F43; // "BLOC"
    }

    @Override
    public int stateVersion() {
        return 1;
    }

    @Override
    public boolean answersKicks() {
        return true;
    }

    @Override
    public VirtioIdentity identity(DeviceConfig config) {
        return BlockDevice.identity(BlockConfig.of(config));
    }

    @Override
    public MemoryLayout stateLayout(DeviceConfig config) {
        return BlockFormats.STATE_V1;
    }

    @Override
    public List<NamedRegister> configFields() {
        return Arrays.stream(BlockField.values())
                .filter(field -> !field.name().startsWith("UNUSED"))
                .map(field ->
                        new NamedRegister(field.name().toLowerCase(Locale.ROOT), 0, field.offset(), field.widthBytes()))
                .toList();
    }

    @Override
    public String guestErrorName(int code) {
        for (BlockError error : BlockError.values()) {
            if (error.code() == code) {
                return error.name();
            }
        }
        return "";
    }

    @Override
    public StateFormats stateFormats() {
        return BlockFormats.state();
    }

    @Override
    public Map<Integer, String> featureNames() {
        return BlockFormats.features();
    }

    @Override
    public VirtioDevice create(
            int function, DeviceConfig config, AtomicBuffer state, boolean fresh, VirtioHost host, long nowNs) {
        return new BlockDevice(BlockConfig.of(config), state, fresh, host);
    }

    /** Whoever reads, writes or flushes learns at once that it was in vain (§5.2.6). */
    @Override
    public BrokenAnswer whenBroken(VirtioIdentity identity, int queue, long features) {
        return BROKEN;
    }

    /** The disk keeps its size: one that shrinks to nothing would read as an empty file, not as an error. */
    @Override
    public long readBrokenConfig(AtomicBuffer state, int offset, int widthBytes) {
        return BlockConfigSpace.readLast(state, offset, widthBytes);
    }

    /** One pool of threads for all disks, and one back end that brings back what they have done. */
    @Override
    public List<Backend> backends(
            List<DeviceConfig> configs, Descriptors descriptors, List<VirtioDevice> devices, HostEvents events) {
        List<BlockConfig> disks = configs.stream().map(BlockConfig::of).toList();
        int threads = disks.stream().mapToInt(BlockConfig::ioThreads).max().orElseThrow();
        int segments = disks.stream().mapToInt(BlockConfig::queueSize).max().orElseThrow();
        List<BlockDevice> blocks = new ArrayList<>();
        for (VirtioDevice device : devices) {
            blocks.add((BlockDevice) device);
        }
        int requests = blocks.stream().mapToInt(BlockDevice::capacity).sum();
        Workers pool = workers.make(threads, requests, segments);
        Tape tape = blocks.getFirst().host().tape();
        Workers seen = tape == null ? pool : new RecordedWorkers(tape, pool);
        for (int i = 0; i < disks.size(); i++) {
            BlockImage image = opener.open(disks.get(i), configs.get(i), descriptors, i + ".", pool.lanes());
            if (tape != null) {
                tape.call(BlockCall.ATTACH.code(), i, 0, 0, Clock.monotonicNs());
                image = new RecordedImage(tape, image);
            }
            blocks.get(i).attach(image, seen);
        }
        return List.of(new BlockBackend(blocks, pool, tape, events));
    }

    @Override
    public HostCalls hostCalls(List<DeviceConfig> configs, List<VirtioDevice> devices, Tape tape) {
        return new ReplayedDisks(devices.stream().map(BlockDevice.class::cast).toList(), tape);
    }

    @Override
    public Map<String, Fd> scratchDescriptors() {
        return Map.of(
                "0.image", ScratchImage.image().fd(),
                "0.backing.0", ScratchImage.backing().fd());
    }

    @Override
    public DeviceConfig exampleConfig() {
        return key -> Optional.ofNullable(EXAMPLE.get(key));
    }

    @Override
    public void exercise(VirtioExercise machine) {
        BlockExercise.run(machine);
    }
}
