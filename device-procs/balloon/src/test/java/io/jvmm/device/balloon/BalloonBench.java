package io.jvmm.device.balloon;

import io.jvmm.device.virtio.rig.RigDriver;
import io.jvmm.device.virtio.rig.VirtioRig;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.agrona.concurrent.UnsafeBuffer;

/** A balloon in a rig of 16 MiB, whose last quarter the driver does not use for rings and buffers; what it gives back is written down. */
final class BalloonBench implements AutoCloseable {

    static final long MEMORY_BYTES = 16 << 20;
    static final int FIRST_PAGE = 12 << 8;
    static final int PAGES = 4 << 8;
    static final int PAGE = BalloonCore.PAGE_BYTES;
    static final long ALL = -1L;
    static final long SPLIT = ~RigDriver.F_RING_PACKED;
    static final long SECOND_NS = 1_000_000_000;

    static final int INFLATE = 0;
    static final int DEFLATE = 1;
    static final int STATS = 2;
    static final int REPORTING = 4;

    final List<String> givenBack = new ArrayList<>();
    final VirtioRig rig;
    /** What the host answers. */
    long answer;

    BalloonBench(String... entries) {
        Map<String, String> map = new java.util.HashMap<>(Map.of("0.target-bytes", "0", "0.stats-interval-s", "0"));
        for (int i = 0; i < entries.length; i += 2) {
            map.put("0." + entries[i], entries[i + 1]);
        }
        rig = new VirtioRig(new BalloonDevice(this::discard), map, Map.of(), MEMORY_BYTES);
    }

    private long discard(GuestMemory memory, long offset, long lengthBytes) {
        givenBack.add(offset / PAGE + "+" + lengthBytes / PAGE);
        return answer == 0 ? memory.discardAt(offset, lengthBytes) : answer;
    }

    RigDriver setUp(long features) {
        return rig.driver().setUp(features);
    }

    /** An array of page numbers, as Linux sends it. */
    static byte[] pages(long... numbers) {
        ByteBuffer bytes = ByteBuffer.allocate(numbers.length * 4).order(ByteOrder.LITTLE_ENDIAN);
        for (long number : numbers) {
            bytes.putInt((int) number);
        }
        return bytes.array();
    }

    static long[] range(int first, int count) {
        long[] numbers = new long[count];
        Arrays.setAll(numbers, i -> first + i);
        return numbers;
    }

    /** All pages of the last quarter hold something. */
    void fill() {
        rig.memory().fill((long) FIRST_PAGE * PAGE, (long) PAGES * PAGE, (byte) 0xAA);
    }

    boolean holds(int page, int value) {
        for (int at = 0; at < PAGE; at++) {
            if (rig.memory().get8((long) page * PAGE + at, (byte) 1) != (byte) value) {
                return false;
            }
        }
        return true;
    }

    /** Memory of the host that the rig's guest memory takes, as anybody outside sees it. */
    static long allocatedBytes() {
        try (Stream<Path> fds = Files.list(Path.of("/proc/self/fd"))) {
            for (Path path : fds.toList()) {
                if (Files.isSymbolicLink(path)
                        && Files.readSymbolicLink(path).toString().startsWith("/memfd:rig ")) {
                    try (Fd fd = FileIo.open(path, FileIo.READ_ONLY, 0)) {
                        return FileIo.allocatedBytes(fd);
                    }
                }
            }
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        throw new IllegalStateException("the rig's memory is not among the descriptors");
    }

    /** A field of the device's own part of the committed state, which is the last of the whole. */
    long field(int offset) {
        byte[] state = rig.state();
        UnsafeBuffer own = new UnsafeBuffer(
                state, state.length - BalloonStateLayout.LENGTH_BYTES, BalloonStateLayout.LENGTH_BYTES);
        return offset < BalloonStateLayout.PROGRESS
                ? Integer.toUnsignedLong(own.getInt(offset, ByteOrder.LITTLE_ENDIAN))
                : own.getLong(offset, ByteOrder.LITTLE_ENDIAN);
    }

    @Override
    public void close() {
        rig.close();
    }
}
