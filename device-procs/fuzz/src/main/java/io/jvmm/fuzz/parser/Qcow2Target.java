package io.jvmm.fuzz.parser;

import io.jvmm.device.block.image.ImageException;
import io.jvmm.device.block.image.ImageOptions;
import io.jvmm.device.block.image.ImageSource;
import io.jvmm.device.block.qcow2.Qcow2Image;
import io.jvmm.fuzz.engine.FuzzTarget;
import io.jvmm.fuzz.machine.FindingException;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.IoVector;
import io.jvmm.ipc.sys.MemFd;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;

/**
 * A qcow2 image: what opens is read, written, discarded, zeroed and flushed at places that the last eight bytes of the input choose. Results are 0 or negated errnos,
 * and what was written is read again.
 */
public final class Qcow2Target implements FuzzTarget {
    private static final int SECTOR = 512;
    private static final int BYTES = 4096;
    private static final int MOST_ERRNO = 4095;
    private static final int OPERATIONS = 8;
    private static final int CLUSTER_BITS = 9;
    private static final long MOST_LENGTH = 1L << 40;

    private final MemorySegment buffer = Arena.ofAuto().allocate(BYTES, 4096);
    private final MemorySegment again = Arena.ofAuto().allocate(BYTES, 4096);
    private final MemorySegment file = Arena.ofAuto().allocate(1 << 20, 4096);
    private final IoVector vector = new IoVector(1);

    @Override
    public void run(byte[] input) {
        int length = (int) Math.min(input.length, file.byteSize());
        MemFd image = MemFd.create("qcow2", Math.max(1, length));
        MemorySegment.copy(input, 0, file, ValueLayout.JAVA_BYTE, 0, length);
        if (length > 0 && FileIo.tryWriteAt(image.fd(), 0, file, 0, length) != length) {
            throw new IllegalStateException("a memfd takes no bytes");
        }
        boolean readOnly = input.length > 0 && (input[input.length - 1] & 0x80) != 0;
        Qcow2Image opened;
        try {
            opened = Qcow2Image.open(
                    List.of(new ImageSource("fuzz", ImageSource.Format.QCOW2, image.fd())),
                    new ImageOptions(1, readOnly, SECTOR, true));
        } catch (ImageException e) {
            image.close();
            return;
        }
        try {
            if (opened.lengthBytes() <= 0 || opened.lengthBytes() % SECTOR != 0) {
                throw new FindingException("an image of " + opened.lengthBytes() + " bytes");
            }
            for (int i = 0; i < OPERATIONS; i++) {
                int what = input[Math.max(0, input.length - 1 - i)] & 0x7F;
                operate(opened, what, i);
            }
        } finally {
            opened.close();
        }
    }

    private void operate(Qcow2Image image, int what, int index) {
        long sectors = Math.min(image.lengthBytes(), MOST_LENGTH) / SECTOR;
        long position = ((what * 0x9E37_79B9L + index) >>> 3) % sectors * SECTOR;
        long bytes = Math.min(BYTES, Math.min((what >>> 3) + 1L, sectors - position / SECTOR) * SECTOR);
        if (image.readOnly() || (what & 7) < 2) {
            check(image.read(0, position, over(buffer, bytes), 0));
            return;
        }
        switch (what & 7) {
            case 2, 3, 4 -> write(image, position, bytes, (byte) what);
            case 5 -> check(image.discard(0, position, bytes, 0));
            case 6 -> check(image.writeZeroes(0, position, bytes, 0));
            default -> check(image.flush(0));
        }
    }

    private void write(Qcow2Image image, long position, long bytes, byte value) {
        buffer.fill(value);
        long result = image.write(0, position, over(buffer, bytes), 0);
        check(result);
        if (result == 0) {
            long read = image.read(0, position, over(again, bytes), 0);
            check(read);
            long differs = buffer.asSlice(0, bytes).mismatch(again.asSlice(0, bytes));
            if (read == 0 && differs >= 0) {
                throw new FindingException(
                        "what was written at " + position + ", " + bytes + " bytes, is read differently from byte "
                                + differs + " on, in an image of " + image.lengthBytes());
            }
        }
    }

    private IoVector over(MemorySegment segment, long bytes) {
        vector.clear();
        vector.add(segment, 0, bytes);
        return vector;
    }

    private static void check(long result) {
        if (result > 0 || result < -MOST_ERRNO) {
            throw new FindingException("a result that is neither 0 nor an errno: " + result);
        }
    }

    /** Small images with clusters of 512 bytes: header, refcount table, refcount block, L1 table, and for the second a data cluster. */
    @Override
    public List<byte[]> seeds() {
        byte[] empty = image(false);
        byte[] full = image(true);
        byte[] readOnly = Arrays.copyOf(full, full.length);
        readOnly[readOnly.length - 1] = (byte) 0x80;
        return List.of(empty, full, readOnly);
    }

    private static byte[] image(boolean data) {
        int cluster = 1 << CLUSTER_BITS;
        ByteBuffer b = ByteBuffer.allocate(cluster * (data ? 6 : 4)).order(ByteOrder.BIG_ENDIAN);
        b.putInt(0, 0x514649FB).putInt(4, 3).putInt(20, CLUSTER_BITS).putLong(24, 64L * cluster);
        b.putInt(36, 1).putLong(40, 3L * cluster).putLong(48, cluster).putInt(56, 1);
        b.putInt(96, 4).putInt(100, 104);
        b.putLong(cluster, 2L * cluster);
        for (int i = 0; i < (data ? 6 : 4); i++) {
            b.putShort(2 * cluster + 2 * i, (short) 1);
        }
        if (data) {
            b.putLong(3 * cluster, 4L * cluster | 1L << 63);
            b.putLong(4 * cluster, 5L * cluster | 1L << 63);
        }
        return b.array();
    }

    @Override
    public List<byte[]> dictionary() {
        return List.of(
                new byte[] {0x51, 0x46, 0x49, (byte) 0xFB},
                new byte[] {(byte) 0x80, 0, 0, 0, 0, 0, 2, 0},
                new byte[] {(byte) 0xC0, 0, 0, 0, 0, 0, 4, 0},
                new byte[] {0x68, 0x03, (byte) 0xF8, 0x57},
                new byte[] {(byte) 0xE2, 0x79, 0x2A, (byte) 0xCA});
    }
}
