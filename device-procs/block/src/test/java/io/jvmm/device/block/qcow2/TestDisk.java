package io.jvmm.device.block.qcow2;

import io.jvmm.device.block.image.BlockImage;
import io.jvmm.device.block.image.ImageOptions;
import io.jvmm.device.block.image.ImageSource;
import io.jvmm.device.block.image.ImageSource.Format;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.IoVector;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Assertions;

/** An image under test with buffers to read into and write from, in pieces as a guest's would be. */
final class TestDisk implements AutoCloseable {
    static final int BUFFER_BYTES = 8 << 20;

    private final BlockImage image;
    private final MemorySegment buffer = Arena.ofAuto().allocate(BUFFER_BYTES, 4096);
    private final IoVector vector = new IoVector(1024);
    private final int lane;

    TestDisk(BlockImage image, int lane) {
        this.image = image;
        this.lane = lane;
    }

    static TestDisk open(Path... chain) {
        return new TestDisk(image(false, 4, chain), 0);
    }

    static TestDisk openReadOnly(Path... chain) {
        return new TestDisk(image(true, 4, chain), 0);
    }

    /** Opens; a name that ends in .raw is a raw file. */
    static Qcow2Image image(boolean readOnly, int lanes, Path... chain) {
        return Qcow2Image.open(sources(readOnly, chain), new ImageOptions(lanes, readOnly, 512, true));
    }

    static List<ImageSource> sources(boolean readOnly, Path... chain) {
        final List<ImageSource> sources = new ArrayList<>();
        for (int i = 0; i < chain.length; i++) {
            final Format format = chain[i].toString().endsWith(".raw") ? Format.RAW : Format.QCOW2;
            final int flags = i > 0 || readOnly ? FileIo.READ_ONLY : FileIo.READ_WRITE;
            sources.add(new ImageSource(chain[i].getFileName().toString(), format, FileIo.open(chain[i], flags, 0)));
        }
        return sources;
    }

    BlockImage image() {
        return image;
    }

    int length() {
        return Math.toIntExact(image.lengthBytes());
    }

    /** Reads a range through vectors of uneven buffers. */
    long tryRead(long position, byte[] target, int at, int bytes) {
        scatter(bytes);
        final long result = image.read(lane, position, vector, 0);
        MemorySegment.copy(buffer, ValueLayout.JAVA_BYTE, 0, target, at, bytes);
        return result;
    }

    byte[] read(long position, int bytes) {
        final byte[] target = new byte[bytes];
        for (int done = 0; done < bytes; done += BUFFER_BYTES) {
            final int part = Math.min(BUFFER_BYTES, bytes - done);
            Assertions.assertEquals(0, tryRead(position + done, target, done, part), "read at " + (position + done));
        }
        return target;
    }

    byte[] readAll() {
        return read(0, length());
    }

    long tryWrite(long position, byte[] source, int at, int bytes) {
        MemorySegment.copy(source, at, buffer, ValueLayout.JAVA_BYTE, 0, bytes);
        scatter(bytes);
        return image.write(lane, position, vector, 0);
    }

    void write(long position, byte[] source, int at, int bytes) {
        Assertions.assertEquals(0, tryWrite(position, source, at, bytes), "write at " + position);
    }

    void write(long position, byte[] source) {
        write(position, source, 0, source.length);
    }

    /** Writes one byte many times. */
    void fill(long position, int bytes, int value) {
        final byte[] source = new byte[bytes];
        java.util.Arrays.fill(source, (byte) value);
        write(position, source);
    }

    private void scatter(int bytes) {
        vector.clear();
        int piece = 512;
        for (int at = 0; at < bytes; ) {
            final int part = vector.count() == 1000 ? bytes - at : Math.min(piece, bytes - at);
            vector.add(buffer, at, part);
            at += part;
            piece = piece % 65536 * 3 + 512;
        }
    }

    /** What a step did: the range it changed, empty for one that only read, and whether it was a flush. */
    record Step(int from, int to, boolean flushed) {}

    /**
     * One random step on the image and on the model of its contents.
     *
     * @param model what the disk should hold; a byte array as long as the disk
     * @param from first byte of the part of the disk that is used
     * @param to end of it
     */
    Step step(SplittableRandom random, byte[] model, int from, int to) {
        final int sectors = (to - from) / 512;
        final int first = random.nextInt(sectors);
        final int most = random.nextInt(5) == 0 ? 4096 : random.nextInt(3) == 0 ? 300 : 20;
        final int count = 1 + random.nextInt(Math.min(most, sectors - first));
        final int at = from + first * 512;
        final int bytes = Math.min(count * 512, BUFFER_BYTES);
        final String what = "at " + at + ", " + bytes + " bytes";
        final int kind = random.nextInt(10);
        switch (kind) {
            case 0 -> {
                Assertions.assertEquals(0, image.writeZeroes(lane, at, bytes, BlockImage.MAY_UNMAP), "zero " + what);
                java.util.Arrays.fill(model, at, at + bytes, (byte) 0);
            }
            case 1 -> {
                Assertions.assertEquals(0, image.writeZeroes(lane, at, bytes, 0), "zero " + what);
                java.util.Arrays.fill(model, at, at + bytes, (byte) 0);
            }
            case 2 -> {
                Assertions.assertEquals(0, image.discard(lane, at, bytes, 0), "discard " + what);
                // What a discarded range reads as is not said: the image tells, and has to stay with it.
                System.arraycopy(read(at, bytes), 0, model, at, bytes);
            }
            case 3 -> Assertions.assertEquals(0, image.flush(lane), "flush");
            case 4, 5 -> {
                final byte[] got = read(at, bytes);
                final int wrong = java.util.Arrays.mismatch(got, 0, bytes, model, at, at + bytes);
                Assertions.assertEquals(-1, wrong, "read " + what);
            }
            default -> {
                final byte[] data = new byte[bytes];
                random.nextBytes(data);
                write(at, data);
                System.arraycopy(data, 0, model, at, bytes);
            }
        }
        final boolean changed = kind < 3 || kind > 5;
        return new Step(at, changed ? at + bytes : at, kind == 3);
    }

    @Override
    public void close() {
        image.close();
    }
}
